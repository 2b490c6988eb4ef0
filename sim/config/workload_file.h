// SPDX-License-Identifier: Apache-2.0
// A workload file field by field, as given: what may be absent is optional. workload_config.h turns
// it into the specs that the engine and the schedule take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/data/dataset.h"
#include "models/graph/families.h"
#include "models/graph/partition.h"
#include "models/train_spec.h"
#include "sim/config/param_table.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

/// `network`: layers, the name of a file that holds them, or a family.
struct NetworkFile {
  enum class Form { none, layers, file, family };
  Form form = Form::none;  ///< none: not read, or not without error
  NetworkSpec spec;        ///< form layers
  std::string path;        ///< form file: relative to the workload file's folder
  FamilySpec family;       ///< form family
};

/// `pipeline.partition`.
struct PartitionFile {
  PartitionSpec spec;
  int balanced_stages = 0;  ///< so many stages of about equal cost on the hardware; 0: see spec
};

// The structs below extend those that schedule and engine take by what may be absent: a `given_`
// field is what the file says, and resolve() gives the field that it stands for its value.

/// `pipeline`. ScheduleSpec::weight_stashing comes from the mitigation.
struct PipelineFile : ScheduleSpec {
  PartitionFile partition;
  RecomputeSpec recompute;
  std::optional<double> switch_epoch;  ///< hybrid: epochs before the switch
  std::optional<double> switch_share;  ///< hybrid: share of the run before the switch
};

/// Hyperparameters known for another batch size.
struct ReferenceFile {
  std::int64_t batch_size = 128;
  double learning_rate = 0.1;
  double momentum = 0.9;
};

/// `training.optimizer`.
struct OptimizerFile : OptimizerSpec {
  std::optional<double> given_learning_rate;
  std::optional<double> given_momentum;
  std::optional<ReferenceFile> reference;
};

/// `training.mitigation`.
struct MitigationFile : MitigationSpec {
  std::optional<bool> given_weight_stashing;
};

/// `training`. The engine's optimizer and mitigation are those of the two files.
struct TrainingFile : TrainSpec {
  std::optional<int> given_micro_batch_size;
  std::optional<double> target_accuracy;
  OptimizerFile optimizer_file;
  MitigationFile mitigation_file;
};

struct WorkloadFile {
  std::string name;
  DatasetSpec dataset;
  NetworkFile network;
  PipelineFile pipeline;
  TrainingFile training;
};

/// Fills in what was not given: values that other fields decide, and the base structs.
void resolve(WorkloadFile& workload);

/// The tables. Rules within one object are part of them; rules between objects are in
/// workload_config.cpp.
Table<WorkloadFile> workload_table();
Table<DatasetSpec> dataset_table();
Table<NetworkSpec> network_table();
Table<LayerSpec> layer_table();
Table<PipelineFile> pipeline_table();
Table<TrainingFile> training_table();
Table<OptimizerFile> optimizer_table();

/// `network` in its three forms.
Codec<NetworkFile> network_codec();

/// A network family with its options; defaults are the family's own.
Codec<FamilySpec> family_codec();

/// [C,H,W] or [F].
Codec<Shape> shape_codec();

}  // namespace stagecoach
