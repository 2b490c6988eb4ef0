// SPDX-License-Identifier: Apache-2.0
// A workload, checked and resolved: what the engine, the schedule and the reports take.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/data/dataset.h"
#include "models/graph/network.h"
#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "models/train_spec.h"
#include "sim/config/json_document.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

struct WorkloadFile;

struct WorkloadConfig {
  std::shared_ptr<const Document> source;       ///< names the places of fields in messages
  std::shared_ptr<const WorkloadFile> as_read;  ///< all fields, absent ones filled in
  std::string name;
  DatasetSpec dataset;       ///< paths absolute or relative to the process
  std::string network_file;  ///< that the workload names; "": it holds its network
  Network network;           ///< every name and shape resolved
  PartitionSpec partition;
  int balanced_stages = 0;             ///< not 0: so many, to be cut once the hardware is known
  Partition stages;                    ///< empty until then
  ScheduleSpec schedule;               ///< switch_micro_batch still 0: see switch_micro_batch()
  std::optional<double> switch_epoch;  ///< hybrid: epochs of the pipelined part
  std::optional<double> target_accuracy;
  TrainSpec training;  ///< learning rate and momentum at this batch size
};

/// Reads a whole workload: fields, the network file it names, defaults, and every rule that needs
/// no data. Everything wrong goes to `issues`; the result is usable only if nothing was added.
/// `data_root` is where relative data set paths start ("": the workload file's folder).
WorkloadConfig read_workload(const Document& document, const std::string& data_root,
                             Issues& issues);

/// The workload as JSON with every default and override in it; read again, it gives the same run.
/// Data set paths are absolute, the network is spelt out layer by layer.
OrderedJson resolved_workload(const WorkloadConfig& workload);

/// What a data set gives to a network.
struct DatasetFacts {
  Shape shape;                       ///< of one sample
  LabelFacts labels;                 ///< classes 0: its targets are no classes
  std::int64_t target_elements = 0;  ///< per sample, for mean_squared_error; 0: not known yet
};

/// Facts of loaded data.
DatasetFacts facts_of(const Dataset& dataset);
/// Facts of the formats that fix them; nothing for the others.
std::optional<DatasetFacts> known_facts(const DatasetSpec& spec);

/// Rules between data and network: shape of the input, classes and targets against the output.
/// Everything wrong goes to `issues`. Run by read_workload where the format fixes the facts; to be
/// run with facts_of() once the data is loaded.
void check_dataset(const WorkloadConfig& workload, const DatasetFacts& facts, Issues& issues);

/// Gives a message that begins with a field ("dataset.train_images: ..." or "/pipeline/...: ...")
/// its file, JSON Pointer or option; other messages stay as they are.
std::string located(const WorkloadConfig& workload, const std::string& message);

/// hybrid: the first micro-batch of the sequential part, on a whole mini-batch; else 0.
MicroBatchId switch_micro_batch(const WorkloadConfig& workload, const MicroBatchPlan& plan);

}  // namespace stagecoach
