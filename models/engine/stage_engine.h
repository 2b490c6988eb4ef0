// SPDX-License-Identifier: Apache-2.0
// One stage at work: forward, backward and update of one micro-batch.
#pragma once

#include <optional>
#include <vector>

#include "models/data/dataset.h"
#include "models/engine/epoch_snapshots.h"
#include "models/engine/layer_clock.h"
#include "models/engine/loss_head.h"
#include "models/engine/stage_forward.h"
#include "models/engine/values_in_flight.h"
#include "models/graph/network.h"
#include "models/graph/partition.h"
#include "models/optimizer/stage_weights.h"
#include "models/train_spec.h"

namespace stagecoach {

/// What the stages of an engine share.
template <class T>
struct EngineContext {
  const Network& network;
  const Partition& partition;
  const TrainSpec& train;
  const Dataset& data;
  const ValuePlan<T>& plan;
  const LossHead<T>& loss;
  ValuesInFlight<T>& values;
  std::vector<LayerSeconds>* layer_seconds = nullptr;  ///< by layer; null: nobody asks
};

/// Owns the stage's weights and running statistics. Its operations come one at a time and in order,
/// a backward after the stage behind has done its own.
template <class T>
class StageEngine {
 public:
  /// `context` must outlive it.
  StageEngine(const EngineContext<T>& context, int stage, const StagePolicy& policy,
              std::int64_t batches_per_epoch);

  /// Reads weight version `version`, or Op::kCurrent. `workspace`: of plan.stages[stage], at least.
  void forward(MicroBatchId id, const MicroBatchData& data, WeightVersion version, T* workspace);
  /// `with_update`: update() belongs to it, so that layers may update as they go.
  void backward(MicroBatchId id, const MicroBatchData& data, bool with_update, T* workspace);
  /// Of an update that stands apart from its backward.
  void update(const MicroBatchData& data);

  StageWeights<T>& weights() { return weights_; }
  const StageWeights<T>& weights() const { return weights_; }
  T* statistics() { return statistics_.data(); }
  const T* statistics() const { return statistics_.data(); }
  EpochSnapshots<T>& snapshots() { return snapshots_; }

  /// Where weights or running statistics were first seen not to be finite: looked at after the last
  /// update of every epoch.
  struct NotFinite {
    std::int64_t epoch = 0;
    int layer = 0;
    WeightVersion version = 0;
  };
  const std::optional<NotFinite>& not_finite() const { return not_finite_; }
  /// Looks at them now, in this epoch.
  void look_at_weights(std::int64_t epoch);

  /// Between two operations; what is in flight is not part of it (ValuesInFlight).
  void visit_state(StateVisitor& visitor);

 private:
  /// A backward under way.
  struct Backward {
    MicroBatchId id;
    const MicroBatchData& data;
    const T* weights;  ///< that it reads
    T* workspace;
    bool fuse;  ///< layers that can apply a fused update
  };

  ForwardMemory<T> forward_memory(const MicroBatchData& data, const T* weights, T* workspace);
  void run_forward(MicroBatchId id, const ForwardMemory<T>& memory, Chunk chunk) const;
  void recompute(const Backward& pass, Chunk chunk);
  template <class Run>
  void for_chunks(const MicroBatchData& data, Run run) const;
  void read_samples(MicroBatchId id, const MicroBatchData& data, T* workspace);
  void begin_update(const MicroBatch& micro_batch);
  void end_update(const MicroBatch& micro_batch);
  void start_gradient(const Backward& pass, Chunk chunk);
  void backward_layer(int layer, const Backward& pass, Chunk chunk);
  void view_inputs(int layer, const Backward& pass, Chunk chunk, View<const T>* inputs,
                   View<T>* gradients, bool* accumulate);

  const EngineContext<T>& context_;
  const ValuePlan<T>& plan_;
  const StageSpec& spec_;
  const int stage_;
  StageDelay delay_;  ///< of the update at hand: closed form, or measured at the backward before it
  StageWeights<T> weights_;
  Buffer<T> statistics_;
  EpochSnapshots<T> snapshots_;
  std::optional<NotFinite> not_finite_;
};

}  // namespace stagecoach
