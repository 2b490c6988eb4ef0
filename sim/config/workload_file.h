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
#include "models/spec.h"
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

/// `pipeline`.
struct PipelineFile {
  PartitionFile partition;
  ScheduleKind schedule = ScheduleKind::pipelined;
  Pacing pacing = Pacing::elastic;
  std::vector<int> max_in_flight;
  bool vertical_sync = false;          ///< one_f_one_b
  std::optional<double> switch_epoch;  ///< hybrid: epochs before the switch
  std::optional<double> switch_share;  ///< hybrid: share of the run before the switch
};

enum class OptimizerKind { sgd };

/// Hyperparameters known for another batch size.
struct ReferenceFile {
  std::int64_t batch_size = 128;
  double learning_rate = 0.1;
  double momentum = 0.9;
};

struct OptimizerFile {
  OptimizerKind type = OptimizerKind::sgd;
  std::optional<double> learning_rate;
  std::optional<double> momentum;
  std::optional<ReferenceFile> reference;
  double weight_decay = 0;
  bool nesterov = false;
  bool decay_norm_and_bias = true;
  LearningRateSpec schedule;
};

/// `training`. MitigationSpec::weight_stashing is not used: absent and false differ.
struct TrainingFile {
  LossKind loss = LossKind::softmax_cross_entropy;
  Initialization initialization = Initialization::kaiming_uniform;
  int epochs = 1;
  int batch_size = 1;
  std::optional<int> micro_batch_size;
  std::int64_t seed = 1;
  std::optional<double> target_accuracy;
  OptimizerFile optimizer;
  std::optional<bool> weight_stashing;
  MitigationSpec mitigation;
};

struct WorkloadFile {
  std::string name;
  DatasetSpec dataset;
  NetworkFile network;
  PipelineFile pipeline;
  TrainingFile training;

  /// The default depends on the schedule: PipeDream stashes, unless the mitigation chooses the
  /// weights of the backward pass itself.
  bool weight_stashing() const {
    const bool chosen = training.mitigation.weight_prediction == WeightPrediction::spectrain ||
                        training.mitigation.pipemare_discrepancy_correction;
    return training.weight_stashing.value_or(pipeline.schedule == ScheduleKind::one_f_one_b &&
                                             !chosen);
  }
};

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
