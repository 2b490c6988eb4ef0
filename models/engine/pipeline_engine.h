// SPDX-License-Identifier: Apache-2.0
// The network's stages at work: executes single operations on real numbers.
//
// Knows nothing of time or threads: the caller guarantees that operations of one stage come one at
// a time and in order, and that a micro-batch's data are there (models/engine/executor.h does).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "models/data/dataset.h"
#include "models/data/safetensors.h"
#include "models/engine/loss.h"
#include "models/engine/stage_state.h"
#include "models/engine/value_plan.h"
#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "models/trainer.h"
#include "models/training_result.h"

namespace stagecoach {

/// A micro-batch with its samples picked.
struct MicroBatchData {
  MicroBatch micro_batch;
  std::vector<std::int64_t> samples;       ///< indices in the training set
  std::vector<std::uint64_t> sample_keys;  ///< seeds of augmentation and dropout
};

/// Samples [first, first + count) of a micro-batch.
struct Chunk {
  int first = 0;
  int count = 1;
};

/// Training loss and hits of one epoch, summed in micro-batch order by the last stage.
struct EpochSums {
  double loss = 0;
  std::int64_t correct = 0;
  std::int64_t samples = 0;
};

template <class T>
class PipelineEngine {
 public:
  /// `max_micro_batches`: a micro-batch may start only when the one so many places before has left.
  PipelineEngine(const Network& network, const Partition& partition, const TrainSpec& train,
                 std::vector<StagePolicy> policies, const MicroBatchPlan& plan, const Dataset& data,
                 int workers, std::int64_t max_micro_batches);

  /// Draws initial weights from the seed (see spec.h), or takes them from a file: every tensor must
  /// be there in the right shape, and none besides (UserError names all that is wrong).
  void initialize();
  void import_weights(const TensorMap& tensors, const std::string& file);
  /// Weights as they are now, "<layer>.<parameter>" in PyTorch's shapes.
  TensorMap export_weights() const;

  /// Adds every layer's time to `seconds` from now on, which must outlive the engine; null: stops.
  void measure_layers(std::vector<LayerSeconds>* seconds);

  /// Where the caller puts a micro-batch's data before its first operation is executed. Holds those
  /// of an earlier micro-batch, whose memory serves again.
  MicroBatchData& admit(MicroBatchId id) { return micro_batches_[id & ring_mask_]; }
  /// Executes one operation on worker `worker`'s workspace.
  void execute(const Op& op, int worker);

  /// First micro-batch whose loss is not finite; kNone while there is none.
  MicroBatchId diverged_micro_batch() const { return diverged_.load(std::memory_order_acquire); }
  Divergence divergence() const { return divergence_; }
  static constexpr MicroBatchId kNone = -1;

  const std::vector<EpochSums>& epochs() const { return epochs_; }
  WeightVersion version(int stage) const { return stages_[stage]->weights.version(); }

  /// Loss and accuracy over the test set with the weights that each stage had after its last update
  /// of the epoch; once an epoch, in order. Uses `threads` threads; the result does not depend on
  /// them.
  EpochResult evaluate(std::int64_t epoch, int threads);

 private:
  using Slot = MicroBatchSlot<T>;
  using Stage = StageState<T>;

  /// Everything that one operation needs at hand.
  struct Work {
    Op op;
    const MicroBatchData* data;
    Stage* stage;
    Slot* slot;
    T* workspace;
    int worker;
    Chunk whole() const { return {0, data->micro_batch.samples}; }
  };
  /// One thread's memory for evaluating one sample.
  struct EvaluationContext {
    std::vector<Slot> slots;
    Buffer<T> workspace;
  };

  Work begin_work(const Op& op, int worker);
  Slot& slot_of(int stage, MicroBatchId id) const { return *stages_[stage]->ring[id & ring_mask_]; }
  Slot* acquire_slot(int stage);
  template <class Run>
  void for_chunks(const Work& work, Run run) const;
  View<T> value_view(ValueId v, Slot& at, T* workspace, Chunk chunk) const;
  View<T> gradient_view(ValueId v, const Work& work, Chunk chunk, bool first) const;
  T*& boundary_gradient(ValueId root, MicroBatchId id) const;

  void forward(const Op& op, int worker);
  template <class SlotOf>
  void forward_layers(int stage, const T* weights, T* state, SlotOf&& slot_of_stage, T* workspace,
                      Chunk chunk, const std::uint64_t* keys, bool training) const;
  void measure_loss(const Work& work);
  void note_divergence(const Work& work, double loss_sum);
  void backward(const Op& op, int worker);
  void start_gradient(const Work& work, Chunk chunk);
  void backward_layer(int layer, const Work& work, Chunk chunk, const T* weights, bool fuse);
  FusedUpdate<T> fused_update(int layer, const Work& work) const;
  void leave(const Work& work);
  void update(const Work& work);
  void take_snapshot(Stage& stage, std::int64_t epoch) const;
  const UpdateRule& rule_for(int stage, const MicroBatch& micro_batch);
  LossResult loss(const std::int64_t* training_samples, std::int64_t test_index,
                  View<const T> output, T gradient_scale, View<T> gradient) const;
  double evaluate_sample(std::int64_t index, const std::vector<const EpochSnapshot<T>*>& stages,
                         EvaluationContext& context, int& correct) const;

  const Network& network_;
  const Partition& partition_;
  const TrainSpec train_;
  const MicroBatchPlan plan_;
  const Dataset& data_;
  const std::vector<StagePolicy> policies_;
  ValuePlan<T> values_;
  std::vector<int> boundary_index_;  ///< by root value: place among its stage's pools; -1: none
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<Buffer<T>> workspaces_;
  std::vector<MicroBatchData> micro_batches_;
  std::int64_t ring_mask_ = 0;
  bool rule_varies_ = false;
  std::vector<LayerSeconds>* layer_seconds_ = nullptr;
  std::vector<EpochSums> epochs_;
  std::atomic<MicroBatchId> diverged_{kNone};
  Divergence divergence_;
};

}  // namespace stagecoach
