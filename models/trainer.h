// SPDX-License-Identifier: Apache-2.0
// The functional engine behind the door of models/op.h: takes a stream of operations, trains.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/data/dataset.h"
#include "models/data/safetensors.h"
#include "models/engine/layer_clock.h"
#include "models/graph/network.h"
#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "models/stage_policy.h"
#include "models/train_spec.h"
#include "models/training_result.h"

namespace stagecoach {

struct TrainerOptions {
  int threads = 1;
  Precision precision = Precision::f32;
  Kernels kernels = Kernels::fast;
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
  /// Asked by any thread before every test sample: whether to leave the evaluation at that. Null:
  /// never.
  std::function<bool()> gives_up_evaluation;
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
  /// Returns what there is to tell of names that were not taken as they stand.
  virtual std::vector<std::string> import_weights(const TensorMap& tensors,
                                                  const std::string& file) = 0;
  virtual TensorMap export_weights() const = 0;

  /// Everything that the rest of the run depends on, after what is queued has been executed:
  /// between any two calls of emit(). A new trainer of the same making that takes it goes on to the
  /// same bits. Epochs that have ended are in it; on_epoch is not called for them again.
  virtual void visit_state(StateVisitor& visitor) = 0;

  /// True if an evaluation was given up: its epoch has no test results and is not complete.
  virtual bool gave_up_evaluation() const = 0;

  /// Ends the run: executes what is queued. After it the result and the weights are final.
  virtual void finish() = 0;
  virtual TrainingResult result() const = 0;
  virtual WorkSeconds work_seconds() const = 0;
  /// May be asked at any time; nothing before the first sample.
  virtual std::optional<RunningFigures> running() const = 0;
};

/// `network`, `partition` and `data` must outlive the trainer.
std::unique_ptr<Trainer> make_trainer(const Network& network, const Partition& partition,
                                      const TrainSpec& train, const MicroBatchPlan& plan,
                                      const Dataset& data, const TrainerOptions& options);

/// What Trainer::import_weights() would return or throw.
std::vector<std::string> check_weights(const Network& network, Precision precision,
                                       const TensorMap& tensors, const std::string& file);

}  // namespace stagecoach
