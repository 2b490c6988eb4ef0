// SPDX-License-Identifier: Apache-2.0
// The functional engine behind the door of models/op.h: takes a stream of operations, trains.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/data/dataset.h"
#include "models/data/safetensors.h"
#include "models/graph/network.h"
#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "models/optimizer/update_rule.h"
#include "models/train_spec.h"
#include "models/training_result.h"

namespace stagecoach {

/// How one stage treats its weights.
struct StagePolicy {
  StageDelay delay;
  bool stash = false;  ///< the backward reads what its forward read
  int history = 0;     ///< old versions to keep for forwards that name one
};

/// Time that a layer's kernels have taken so far, in seconds; an update in passing counts as
/// backward.
struct LayerSeconds {
  double forward = 0;
  double backward = 0;
};

struct TrainerOptions {
  int threads = 1;
  Precision precision = Precision::f32;
  bool shuffle = true;                ///< a new order of the samples every epoch
  std::vector<StagePolicy> policies;  ///< one per stage
  /// Micro-batches between the start of their forward and the end of their backward at stage 0, at
  /// most.
  std::int64_t max_in_flight = 1;
  /// Relative work of each stage (empty: equal): where worker threads start looking.
  std::vector<double> stage_work;
  /// Filled with the time that every layer takes on this computer, one entry per layer of the
  /// network; null: not measured.
  std::vector<LayerSeconds>* layer_seconds = nullptr;
  /// Called after each complete epoch with its number (from 0) and result.
  std::function<void(std::int64_t, const EpochResult&)> on_epoch;
};

/// A first guess at the relative work of each stage, for TrainerOptions::stage_work.
std::vector<double> expected_stage_work(const Network& network, const Partition& partition);

/// Trains whatever order of operations it is given. Timing, when there is any, is somebody else's.
class Trainer : public OpSink {
 public:
  struct WorkSeconds {
    double all_threads = 0;  ///< numerical work, summed over threads
    double caller_cpu = 0;   ///< CPU time that the caller of emit() spent in here, waiting included
  };

  /// From the workload's seed, or (when set, after construction) from a file.
  virtual void import_weights(const TensorMap& tensors, const std::string& file) = 0;
  virtual TensorMap export_weights() const = 0;

  /// Ends the run: executes what is queued. After it the result and the weights are final.
  virtual void finish() = 0;
  virtual TrainingResult result() const = 0;
  virtual WorkSeconds work_seconds() const = 0;
};

/// `network`, `partition` and `data` must outlive the trainer.
std::unique_ptr<Trainer> make_trainer(const Network& network, const Partition& partition,
                                      const TrainSpec& train, const MicroBatchPlan& plan,
                                      const Dataset& data, const TrainerOptions& options);

}  // namespace stagecoach
