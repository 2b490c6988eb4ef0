// SPDX-License-Identifier: Apache-2.0
// The stages of a network, wired: executes single operations on real numbers.
//
// Knows nothing of time or threads: the caller guarantees that operations of one stage come one at
// a time and in order, and that a micro-batch's data are there (models/engine/executor.h does).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/engine/loss_record.h"
#include "models/engine/stage_engine.h"
#include "models/engine/weight_files.h"
#include "models/op.h"

namespace stagecoach {

template <class T>
class PipelineEngine {
 public:
  /// `policies`: one per stage. `max_micro_batches`: micro-batch p may start only when micro-batch
  /// p - max_micro_batches has left. `network`, `partition` and `data` must outlive the engine.
  PipelineEngine(const Network& network, const Partition& partition, const TrainSpec& train,
                 const std::vector<StagePolicy>& policies, const MicroBatchPlan& plan,
                 const Dataset& data, int workers, std::int64_t max_micro_batches, Kernels kernels);

  /// First weights, from the seed or from a file (WeightFiles). Before the first operation.
  void initialize();
  std::vector<std::string> import_weights(const TensorMap& tensors, const std::string& file);
  /// Weights as they are now.
  TensorMap export_weights() const;

  /// Adds every layer's time to `seconds` from now on, which must outlive the engine; null: stops.
  void measure_layers(std::vector<LayerSeconds>* seconds);

  /// The caller puts a micro-batch's data here before its first operation is executed. The memory
  /// still contains the data of an earlier micro-batch.
  MicroBatchData& admit(MicroBatchId id) { return micro_batches_[place(id)]; }
  std::int64_t places() const { return static_cast<std::int64_t>(micro_batches_.size()); }
  /// Executes one operation on worker `worker`'s workspace.
  void execute(const Op& op, int worker);

  const LossRecord& losses() const { return losses_; }
  WeightVersion version(int stage) const { return stages_[stage]->weights().version(); }

  /// Loss and accuracy over the test set, which must be there, with the weights that each
  /// stage had after its last update of the epoch; once an epoch, when all of these updates are
  /// done and nothing else runs. Nothing if `gives_up` (null: never) said so before its end.
  std::optional<EpochResult> evaluate(std::int64_t epoch, int threads,
                                      const std::function<bool()>& gives_up);

  /// Records a divergence if the weights or the test loss (if there is a test set) are not finite
  /// at the end of an epoch; `last` is the epoch's last micro-batch. True if it did.
  bool diverged_at_end(std::int64_t epoch, MicroBatchId last, std::optional<double> test_loss);
  /// Looks at the weights as they are, in the middle of an epoch.
  void look_at_weights(std::int64_t epoch);

  /// Between two operations. The data of the micro-batches in flight follow from their numbers:
  /// the caller admits them again.
  void visit_state(StateVisitor& visitor);

 private:
  std::size_t place(MicroBatchId id) const {
    return static_cast<std::size_t>(id) & (micro_batches_.size() - 1);
  }
  WeightFiles<T> weight_files() const;
  void start_stages();
  void measure_loss(MicroBatchId id, T* workspace);

  const TrainSpec train_;
  const ValuePlan<T> plan_;
  const LossHead<T> loss_;
  ValuesInFlight<T> values_;
  EngineContext<T> context_;
  std::vector<std::unique_ptr<StageEngine<T>>> stages_;
  std::vector<Buffer<T>> workspaces_;          ///< by worker
  std::vector<MicroBatchData> micro_batches_;  ///< by micro-batch, modulo their number
  LossRecord losses_;
};

}  // namespace stagecoach
