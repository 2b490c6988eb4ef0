// SPDX-License-Identifier: Apache-2.0
// Executing operations: forward and backward of one micro-batch at one stage; evaluation.
#include "models/engine/pipeline_engine.h"

#include <algorithm>
#include <cmath>

#include "models/base/error.h"
#include "models/base/host_clock.h"

namespace stagecoach {
namespace {

std::int64_t power_of_two_from(std::int64_t n) {
  std::int64_t p = 1;
  while (p < n) p *= 2;
  return p;
}

/// Runs of a stage's flat parameters, one per trainable tensor, in memory order.
template <class T>
std::vector<ParameterSegment> segments_of(const Network& network, const StageSpec& stage,
                                          const ValuePlan<T>& plan) {
  std::vector<ParameterSegment> segments;
  for (int l = stage.first_layer; l < stage.end_layer; ++l)
    for (const ParameterSlot& slot : plan.layers[l]->slots())
      segments.push_back(
          {plan.parameter_offset[l] + slot.offset, slot.size,
           network.layers[l].parameters[slot.parameter].role != ParameterRole::weight, l});
  return segments;
}

/// Takes a layer's time, if anybody asks. A layer belongs to one stage: no two threads meet here.
class LayerClock {
 public:
  explicit LayerClock(std::vector<LayerSeconds>* seconds)
      : seconds_(seconds), begin_(seconds ? wall_seconds() : 0) {}
  void add(int layer, double LayerSeconds::*pass) const {
    if (seconds_) (*seconds_)[layer].*pass += wall_seconds() - begin_;
  }

 private:
  std::vector<LayerSeconds>* seconds_;
  double begin_;
};

}  // namespace

template <class T>
PipelineEngine<T>::PipelineEngine(const Network& network, const Partition& partition,
                                  const TrainSpec& train, std::vector<StagePolicy> policies,
                                  const MicroBatchPlan& plan, const Dataset& data, int workers,
                                  std::int64_t max_micro_batches)
    : network_(network),
      partition_(partition),
      train_(train),
      plan_(plan),
      data_(data),
      policies_(std::move(policies)),
      values_(make_value_plan<T>(network, partition, plan.micro_batch_size())),
      boundary_index_(network.layers.size() + 1, -1),
      ring_mask_(power_of_two_from(max_micro_batches) - 1),
      epochs_(static_cast<std::size_t>(plan.epochs())) {
  rule_varies_ = train_.optimizer.learning_rate_schedule.type != LearningRateSchedule::constant ||
                 train_.optimizer.learning_rate_schedule.warmup_epochs > 0 ||
                 train_.mitigation.pipemare_learning_rate;
  micro_batches_.resize(static_cast<std::size_t>(ring_mask_ + 1));
  std::int64_t workspace = 0;
  for (int k = 0; k < static_cast<int>(partition.size()); ++k) {
    std::vector<std::int64_t> boundary_sizes;
    for (ValueId v = 0; v < static_cast<int>(values_.gradients.size()); ++v) {
      const Place<T>& g = values_.gradients[v];
      if (g.root != v || !g.kept || !g.wanted || values_.producer_stage[v] != k) continue;
      boundary_index_[v] = static_cast<int>(boundary_sizes.size());
      boundary_sizes.push_back(g.layout.size(values_.batch));
    }
    StageDelay delay = policies_[k].delay;
    const bool measured = train_.mitigation.delay == DelaySource::measured;
    if (measured) delay.delay = std::max(1.0, delay.delay);  // room for what may come
    const UpdateRule first = make_update_rule(train_, delay, 0, plan.batches_per_epoch());
    stages_.push_back(std::make_unique<Stage>(
        StageWeights<T>(values_.stages[k].parameters, segments_of(network, partition[k], values_),
                        first, policies_[k].stash, policies_[k].history),
        boundary_sizes));
    Stage& stage = *stages_.back();
    stage.state = Buffer<T>(values_.stages[k].state);
    stage.delay = policies_[k].delay.delay;
    stage.ring.resize(micro_batches_.size(), nullptr);
    stage.updated.resize(
        static_cast<std::size_t>(partition[k].end_layer - partition[k].first_layer));
    workspace = std::max(workspace, values_.stages[k].workspace);
  }
  for (int w = 0; w < workers; ++w) workspaces_.emplace_back(workspace);
}

template <class T>
void PipelineEngine<T>::measure_layers(std::vector<LayerSeconds>* seconds) {
  layer_seconds_ = seconds;
  if (seconds) seconds->assign(network_.layers.size(), LayerSeconds{});
}

template <class T>
void PipelineEngine<T>::execute(const Op& op, int worker) {
  switch (op.pass) {
    case Pass::forward:
      return forward(op, worker);
    case Pass::backward:
      return backward(op, worker);
    case Pass::weight_gradient:
      break;
    case Pass::update: {
      const Work work = begin_work(op, worker);
      work.stage->weights.begin_update();
      return update(work);
    }
  }
  throw ModelBug("a pass that is no work of the engine");
}

template <class T>
typename PipelineEngine<T>::Work PipelineEngine<T>::begin_work(const Op& op, int worker) {
  Stage& stage = *stages_[op.stage];
  return {op,
          &micro_batches_[op.micro_batch & ring_mask_],
          &stage,
          stage.ring[op.micro_batch & ring_mask_],
          workspaces_[worker].data(),
          worker};
}

template <class T>
typename PipelineEngine<T>::Slot* PipelineEngine<T>::acquire_slot(int stage_index) {
  Stage& stage = *stages_[stage_index];
  if (stage.free_slots.empty()) {
    stage.slots.push_back(std::make_unique<Slot>());
    stage.slots.back()->block = Buffer<T>(values_.stages[stage_index].slot);
    stage.slots.back()->gradients.resize(stage.pools.size(), nullptr);
    stage.free_slots.reserve(stage.slots.size());
    return stage.slots.back().get();
  }
  Slot* slot = stage.free_slots.back();
  stage.free_slots.pop_back();
  return slot;
}

/// Calls run(chunk) for the micro-batch's samples, a chunk that the stage's layers take at a time.
template <class T>
template <class Run>
void PipelineEngine<T>::for_chunks(const Work& work, Run run) const {
  const int all = work.whole().count, most = values_.stages[work.op.stage].chunk;
  for (int first = 0; first < all; first += most) run(Chunk{first, std::min(most, all - first)});
}

template <class T>
View<T> PipelineEngine<T>::value_view(ValueId v, Slot& at, T* workspace, Chunk chunk) const {
  const Place<T>& place = values_.values[v];
  if (!place.kept) return place.layout.view(workspace + place.offset, chunk.count);
  return place.layout.view(
      at.block.data() + place.offset + chunk.first * place.layout.sample_stride, chunk.count);
}

template <class T>
T*& PipelineEngine<T>::boundary_gradient(ValueId root, MicroBatchId id) const {
  return slot_of(values_.producer_stage[root], id).gradients[boundary_index_[root]];
}

template <class T>
View<T> PipelineEngine<T>::gradient_view(ValueId v, const Work& work, Chunk chunk,
                                         bool first) const {
  const Place<T>& place = values_.gradients[v];
  if (!place.kept) {
    View<T> view = place.layout.view(work.workspace + place.offset, chunk.count);
    if (first && place.root == v) clear_halo(view, place.layout.halo);
    return view;
  }
  T*& buffer = boundary_gradient(place.root, work.op.micro_batch);
  if (!buffer)
    buffer =
        stages_[values_.producer_stage[place.root]]->pools[boundary_index_[place.root]]->take();
  return place.layout.view(buffer + chunk.first * place.layout.sample_stride, chunk.count);
}

template <class T>
void PipelineEngine<T>::forward(const Op& op, int worker) {
  Stage& stage = *stages_[op.stage];
  stage.ring[op.micro_batch & ring_mask_] = acquire_slot(op.stage);
  Work work = begin_work(op, worker);
  const auto read = stage.weights.read_forward(op.version);
  work.slot->version = read.version;
  if (op.stage == 0) {
    const View<T> all = value_view(kInputValue, *work.slot, work.workspace, work.whole());
    for (int n = 0; n < all.batch; ++n) {
      View<T> one = all;
      one.data = all.sample(n);
      one.batch = 1;
      data_.read(Split::train, work.data->samples[n], work.data->sample_keys[n], one);
    }
  }
  for_chunks(work, [&](Chunk chunk) {
    forward_layers(
        op.stage, read.weights, stage.state.data(),
        [&](int k) -> Slot& { return slot_of(k, op.micro_batch); }, work.workspace, chunk,
        work.data->sample_keys.data(), true);
  });
  if (partition_[op.stage].has_loss) measure_loss(work);
}

template <class T>
template <class SlotOf>
void PipelineEngine<T>::forward_layers(int stage, const T* weights, T* state,
                                       SlotOf&& slot_of_stage, T* workspace, Chunk chunk,
                                       const std::uint64_t* keys, bool training) const {
  View<const T> inputs[kMaxInputs];
  for (int l = partition_[stage].first_layer; l < partition_[stage].end_layer; ++l) {
    const LayerNode& node = network_.layers[l];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId v = node.inputs[i];
      inputs[i] = value_view(v, slot_of_stage(values_.producer_stage[v]), workspace, chunk);
    }
    Slot& here = slot_of_stage(stage);
    ForwardArgs<T> args;
    args.inputs = inputs;
    args.output = value_view(l + 1, here, workspace, chunk);
    const Place<T>& place = values_.values[l + 1];
    if (!place.kept && place.root == l + 1) clear_halo(args.output, place.layout.halo);
    args.parameters = weights + values_.parameter_offset[l];
    args.state = state + values_.state_offset[l];
    args.saved = training ? here.block.data() + values_.saved_offset[l] +
                                chunk.first * values_.needs[l].saved_per_sample
                          : nullptr;
    args.scratch = workspace + values_.stages[stage].scratch_offset;
    args.training = training;
    args.sample_keys = keys ? keys + chunk.first : nullptr;
    const LayerClock clock(training ? layer_seconds_ : nullptr);
    values_.layers[l]->forward(args);
    clock.add(l, &LayerSeconds::forward);
  }
}

template <class T>
void PipelineEngine<T>::backward(const Op& op, int worker) {
  Work work = begin_work(op, worker);
  StageWeights<T>& weights = work.stage->weights;
  const StageSpec& spec = partition_[op.stage];
  const MicroBatch& micro_batch = work.data->micro_batch;
  const T* read = weights.read_backward(work.slot->version);
  // A micro-batch that read the current version needs no copy of it: its backward is now.
  const bool early = work.slot->version == weights.version();
  if (early) weights.release(work.slot->version);
  if (train_.mitigation.delay == DelaySource::measured)
    work.stage->delay = static_cast<double>(weights.version() - work.slot->version);
  bool fuse = false;
  if (op.with_update) {
    weights.begin_update();
    const bool one_chunk = micro_batch.samples <= values_.stages[op.stage].chunk;
    fuse = one_chunk && micro_batch.batch_begin == op.micro_batch && micro_batch.last_of_batch &&
           rule_for(op.stage, micro_batch).linear();
  }
  for_chunks(work, [&](Chunk chunk) {
    start_gradient(work, chunk);
    for (int l = spec.end_layer - 1; l >= spec.first_layer; --l)
      if (values_.gradients[l + 1].wanted) backward_layer(l, work, chunk, read, fuse);
  });
  if (!early) weights.release(work.slot->version);
  leave(work);
  if (op.with_update) update(work);
}

template <class T>
void PipelineEngine<T>::backward_layer(int l, const Work& work, Chunk chunk, const T* read,
                                       bool fuse) {
  const LayerNode& node = network_.layers[l];
  const LayerNeeds& needs = values_.needs[l];
  Stage& stage = *work.stage;
  View<const T> inputs[kMaxInputs];
  View<T> gradients[kMaxInputs];
  bool accumulate[kMaxInputs];
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId v = node.inputs[i];
    inputs[i] = {};
    if (needs.backward_reads_input)
      inputs[i] = value_view(v, slot_of(values_.producer_stage[v], work.op.micro_batch),
                             work.workspace, chunk);
    const bool again = std::count(node.inputs.begin(), node.inputs.begin() + i, v) > 0;
    accumulate[i] = values_.last_consumer[v] != l || again;
    gradients[i] = {};
    if (values_.gradients[v].wanted) gradients[i] = gradient_view(v, work, chunk, !accumulate[i]);
  }
  BackwardArgs<T> args;
  args.inputs = inputs;
  if (needs.backward_reads_output)
    args.output = value_view(l + 1, *work.slot, work.workspace, chunk);
  args.gradient_output = gradient_view(l + 1, work, chunk, false);
  args.gradient_inputs = gradients;
  args.accumulate = accumulate;
  const std::int64_t offset = values_.parameter_offset[l];
  args.parameters = read + offset;
  args.state = stage.state.data() + values_.state_offset[l];
  args.saved =
      work.slot->block.data() + values_.saved_offset[l] + chunk.first * needs.saved_per_sample;
  args.scratch = work.workspace + values_.stages[work.op.stage].scratch_offset;
  args.sample_keys = work.data->sample_keys.data() + chunk.first;
  FusedUpdate<T> update;
  if (fuse && node.trainable_parameters() > 0 && values_.layers[l]->fuses_update(chunk.count)) {
    stage.updated[l - partition_[work.op.stage].first_layer] = true;
    update = fused_update(l, work);
    args.update = &update;
  } else if (node.trainable_parameters() > 0) {
    args.gradient_parameters = stage.weights.gradient() + offset;
    args.accumulate_parameters =
        chunk.first > 0 || work.data->micro_batch.batch_begin != work.op.micro_batch;
  }
  const LayerClock clock(layer_seconds_);
  values_.layers[l]->backward(args);
  clock.add(l, &LayerSeconds::backward);
}

template <class T>
void PipelineEngine<T>::leave(const Work& work) {
  Stage& stage = *work.stage;
  for (std::size_t i = 0; i < stage.pools.size(); ++i) {
    if (!work.slot->gradients[i]) continue;
    stage.pools[i]->give(work.slot->gradients[i]);
    work.slot->gradients[i] = nullptr;
  }
  stage.free_slots.push_back(work.slot);
}

template <class T>
double PipelineEngine<T>::evaluate_sample(std::int64_t index,
                                          const std::vector<const EpochSnapshot<T>*>& stages,
                                          EvaluationContext& context, int& correct) const {
  data_.read(Split::test, index, 0,
             value_view(kInputValue, context.slots[0], context.workspace.data(), {}));
  for (int k = 0; k < static_cast<int>(stages_.size()); ++k)
    forward_layers(
        k, stages[k]->weights.data(), stages[k]->state.data(),
        [&](int s) -> Slot& { return context.slots[s]; }, context.workspace.data(), {}, nullptr,
        false);
  const ValueId out = static_cast<int>(network_.layers.size());
  const LossResult result = loss(
      nullptr, index,
      value_view(out, context.slots[values_.producer_stage[out]], context.workspace.data(), {}),
      T(1), View<T>{});
  correct = result.correct;
  return result.loss_sum;
}

template <class T>
EpochResult PipelineEngine<T>::evaluate(std::int64_t epoch, int threads) {
  const std::int64_t count = data_.size(Split::test);
  EpochResult result;
  if (count == 0) return result;
  std::vector<const EpochSnapshot<T>*> snapshots;
  for (const auto& stage : stages_)
    for (EpochSnapshot<T>& s : stage->snapshots) {
      if (s.epoch != epoch) continue;
      s.epoch = s.kFree;  // no operation runs before this returns
      snapshots.push_back(&s);
    }
  std::vector<double> losses(static_cast<std::size_t>(count));
  std::vector<int> hits(static_cast<std::size_t>(count));
#pragma omp parallel num_threads(threads)
  {
    EvaluationContext context;
    context.slots.resize(stages_.size());
    for (std::size_t k = 0; k < stages_.size(); ++k)
      context.slots[k].block = Buffer<T>(values_.stages[k].slot);
    context.workspace = Buffer<T>(workspaces_[0].size());
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < count; ++i)
      losses[i] = evaluate_sample(i, snapshots, context, hits[i]);
  }
  double loss_sum = 0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    loss_sum += losses[i];
    correct += hits[i];
  }
  result.test_loss = loss_sum / static_cast<double>(count);
  if (train_.loss == LossKind::softmax_cross_entropy)
    result.test_accuracy = static_cast<double>(correct) / static_cast<double>(count);
  return result;
}

template class PipelineEngine<float>;
template class PipelineEngine<double>;

}  // namespace stagecoach
