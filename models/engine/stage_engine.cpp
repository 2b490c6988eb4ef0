// SPDX-License-Identifier: Apache-2.0
#include "models/engine/stage_engine.h"

#include <algorithm>

#include "models/base/maps.h"

namespace stagecoach {
namespace {

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

}  // namespace

template <class T>
StageEngine<T>::StageEngine(const EngineContext<T>& context, int stage, const StagePolicy& policy,
                            std::int64_t batches_per_epoch)
    : context_(context),
      plan_(context.plan),
      spec_(context.partition[stage]),
      stage_(stage),
      delay_(policy.delay),
      weights_(plan_.stages[stage].parameters, segments_of(context.network, spec_, plan_),
               context.train, policy, batches_per_epoch),
      statistics_(plan_.stages[stage].state),
      snapshots_(weights_.size(), statistics_.size()) {}

/// Calls run(chunk) for the micro-batch's samples, a chunk that the stage's layers take at a time.
template <class T>
template <class Run>
void StageEngine<T>::for_chunks(const MicroBatchData& data, Run run) const {
  const int all = data.micro_batch.samples, most = plan_.stages[stage_].chunk;
  for (int first = 0; first < all; first += most) run(Chunk{first, std::min(most, all - first)});
}

template <class T>
void StageEngine<T>::read_samples(MicroBatchId id, const MicroBatchData& data, T* workspace) {
  const View<T> all =
      context_.values.value(kInputValue, id, workspace, {0, data.micro_batch.samples});
  for (int n = 0; n < all.batch; ++n) {
    View<T> one = all;
    one.data = all.sample(n);
    one.batch = 1;
    context_.data.read(Split::train, data.samples[n], data.sample_keys[n], one);
  }
}

template <class T>
ForwardMemory<T> StageEngine<T>::forward_memory(const MicroBatchData& data, const T* weights,
                                                T* workspace) {
  ForwardMemory<T> memory;
  memory.weights = weights;
  memory.statistics = statistics_.data();
  memory.workspace = workspace;
  memory.sample_keys = data.sample_keys.data();
  memory.seconds = context_.layer_seconds;
  return memory;
}

template <class T>
void StageEngine<T>::run_forward(MicroBatchId id, const ForwardMemory<T>& memory,
                                 Chunk chunk) const {
  forward_stage(context_.network, spec_, plan_, stage_, memory, chunk,
                [&](int k) { return context_.values.slot(k, id).block.data(); });
}

/// Writes over what the first forward kept, with the weights of the backward. Nobody else reads it
/// any more: the stages behind have done their backwards.
template <class T>
void StageEngine<T>::recompute(const Backward& pass, Chunk chunk) {
  ForwardMemory<T> memory = forward_memory(pass.data, pass.weights, pass.workspace);
  memory.again = true;
  run_forward(pass.id, memory, chunk);
}

template <class T>
void StageEngine<T>::forward(MicroBatchId id, const MicroBatchData& data, WeightVersion version,
                             T* workspace) {
  MicroBatchSlot<T>& slot = context_.values.open(stage_, id);
  const auto read = weights_.read_forward(version);
  slot.version = read.version;
  if (stage_ == 0) read_samples(id, data, workspace);
  const ForwardMemory<T> memory = forward_memory(data, read.weights, workspace);
  for_chunks(data, [&](Chunk chunk) { run_forward(id, memory, chunk); });
  if (data.micro_batch.last_of_epoch && context_.data.size(Split::test) > 0)
    snapshots_.take_statistics(data.micro_batch.epoch, statistics_.data());
}

template <class T>
void StageEngine<T>::backward(MicroBatchId id, const MicroBatchData& data, bool with_update,
                              T* workspace) {
  const MicroBatch& micro_batch = data.micro_batch;
  const WeightVersion version = context_.values.slot(stage_, id).version;
  Backward pass{id, data, weights_.read_backward(version), workspace, false};
  // A micro-batch that read the current version needs no copy of it: its backward is now.
  const bool early = version == weights_.version();
  if (early) weights_.release(version);
  if (context_.train.mitigation.delay == DelaySource::measured)
    delay_.delay = static_cast<double>(weights_.version() - version);
  if (with_update) {
    begin_update(micro_batch);
    const bool one_chunk = micro_batch.samples <= plan_.stages[stage_].chunk;
    pass.fuse =
        one_chunk && micro_batch.batch_begin == id && micro_batch.last_of_batch && weights_.fuses();
  }
  for_chunks(data, [&](Chunk chunk) {
    if (spec_.recomputes) recompute(pass, chunk);
    start_gradient(pass, chunk);
    for (int l = spec_.end_layer - 1; l >= spec_.first_layer; --l)
      if (plan_.gradients[l + 1].wanted) backward_layer(l, pass, chunk);
  });
  if (!early) weights_.release(version);
  context_.values.close(stage_, id);
  if (with_update) end_update(micro_batch);
}

template <class T>
void StageEngine<T>::update(const MicroBatchData& data) {
  begin_update(data.micro_batch);
  end_update(data.micro_batch);
}

template <class T>
void StageEngine<T>::begin_update(const MicroBatch& micro_batch) {
  weights_.begin_update(delay_, micro_batch.batch);
}

template <class T>
void StageEngine<T>::end_update(const MicroBatch& micro_batch) {
  weights_.end_update();
  if (!micro_batch.last_of_epoch) return;
  look_at_weights(micro_batch.epoch);
  if (context_.data.size(Split::test) > 0)
    snapshots_.take_weights(micro_batch.epoch, weights_.current());
}

template <class T>
void StageEngine<T>::look_at_weights(std::int64_t epoch) {
  const auto finite = [](const T* from, std::int64_t count) {
    return numbers(from, count).isFinite().all();
  };
  for (int l = spec_.first_layer; l < spec_.end_layer && !not_finite_; ++l) {
    bool good = finite(statistics_.data() + plan_.state_offset[l], plan_.needs[l].state);
    for (const ParameterSlot& slot : plan_.layers[l]->slots())
      good =
          good && finite(weights_.current() + plan_.parameter_offset[l] + slot.offset, slot.size);
    if (!good) not_finite_ = NotFinite{epoch, l, weights_.version()};
  }
}

template <class T>
void StageEngine<T>::start_gradient(const Backward& pass, Chunk chunk) {
  if (spec_.has_loss) {
    const ValueId out = static_cast<int>(context_.network.layers.size());
    if (!plan_.gradients[out].wanted) return;
    const View<const T> output = context_.values.value(out, pass.id, pass.workspace, chunk);
    context_.loss.gradient(pass.data, chunk, output,
                           context_.values.gradient(out, pass.id, pass.workspace, chunk, true));
    return;
  }
  // Gradient shrinking (FDG): what a stage receives is scaled once.
  const T beta = static_cast<T>(context_.train.mitigation.gradient_shrinking);
  if (beta == T(1)) return;
  for (ValueId v : spec_.outputs) context_.values.scale_boundary_gradient(v, pass.id, chunk, beta);
}

template <class T>
void StageEngine<T>::view_inputs(int l, const Backward& pass, Chunk chunk, View<const T>* inputs,
                                 View<T>* gradients, bool* accumulate) {
  const LayerNode& node = context_.network.layers[l];
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId v = node.inputs[i];
    inputs[i] = {};
    if (plan_.needs[l].backward_reads_input)
      inputs[i] = context_.values.value(v, pass.id, pass.workspace, chunk);
    const bool again = std::count(node.inputs.begin(), node.inputs.begin() + i, v) > 0;
    accumulate[i] = plan_.last_consumer[v] != l || again;
    gradients[i] = {};
    if (plan_.gradients[v].wanted)
      gradients[i] = context_.values.gradient(v, pass.id, pass.workspace, chunk, !accumulate[i]);
  }
}

template <class T>
void StageEngine<T>::backward_layer(int l, const Backward& pass, Chunk chunk) {
  const LayerNode& node = context_.network.layers[l];
  const LayerNeeds& needs = plan_.needs[l];
  ValuesInFlight<T>& values = context_.values;
  View<const T> inputs[kMaxInputs];
  View<T> gradients[kMaxInputs];
  bool accumulate[kMaxInputs];
  view_inputs(l, pass, chunk, inputs, gradients, accumulate);
  BackwardArgs<T> args;
  args.inputs = inputs;
  if (needs.backward_reads_output)
    args.output = values.value(l + 1, pass.id, pass.workspace, chunk);
  args.gradient_output = values.gradient(l + 1, pass.id, pass.workspace, chunk, false);
  args.gradient_inputs = gradients;
  args.accumulate = accumulate;
  const std::int64_t offset = plan_.parameter_offset[l];
  args.parameters = pass.weights + offset;
  args.state = statistics_.data() + plan_.state_offset[l];
  args.saved = values.slot(stage_, pass.id).block.data() + plan_.saved_offset[l] +
               chunk.first * needs.saved_per_sample;
  args.scratch = pass.workspace + plan_.stages[stage_].scratch_offset;
  args.sample_keys = pass.data.sample_keys.data() + chunk.first;
  FusedUpdate<T> update;
  if (node.trainable_parameters() > 0) {
    if (pass.fuse && plan_.layers[l]->fuses_update(chunk.count)) {
      update = weights_.fused_update(l, offset);
      args.update = &update;
    } else {
      args.gradient_parameters = weights_.gradient() + offset;
      args.accumulate_parameters = chunk.first > 0 || pass.data.micro_batch.batch_begin != pass.id;
    }
  }
  const LayerClock clock(context_.layer_seconds);
  plan_.layers[l]->backward(args);
  clock.add(l, &LayerSeconds::backward);
}

template <class T>
void StageEngine<T>::visit_state(StateVisitor& visitor) {
  visitor.value("delay", delay_.delay);
  weights_.visit_state(visitor);
  visitor.array("statistics", statistics_.data(), statistics_.size());
  NotFinite first = not_finite_.value_or(NotFinite{-1, 0, 0});
  visitor.value("not_finite_epoch", first.epoch);
  visitor.value("not_finite_layer", first.layer);
  visitor.value("not_finite_version", first.version);
  not_finite_ = first.epoch < 0 ? std::nullopt : std::optional<NotFinite>(first);
  const StateScope scope(visitor, "snapshots");
  snapshots_.visit_state(visitor);
}

template class StageEngine<float>;
template class StageEngine<double>;

}  // namespace stagecoach
