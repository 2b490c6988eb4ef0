// SPDX-License-Identifier: Apache-2.0
#include "models/engine/pipeline_engine.h"

#include <algorithm>
#include <cmath>

#include "models/base/error.h"
#include "models/engine/divergence_search.h"
#include "models/engine/evaluation.h"

namespace stagecoach {

template <class T>
PipelineEngine<T>::PipelineEngine(const Network& network, const Partition& partition,
                                  const TrainSpec& train, const std::vector<StagePolicy>& policies,
                                  const MicroBatchPlan& plan, const Dataset& data, int workers,
                                  std::int64_t max_micro_batches, Kernels kernels)
    : train_(train),
      plan_(make_value_plan<T>(network, partition, plan.micro_batch_size(), kernels)),
      loss_(train.loss, data),
      values_(plan_, ring_places(max_micro_batches)),
      context_{network, partition, train_, data, plan_, loss_, values_},
      micro_batches_(static_cast<std::size_t>(ring_places(max_micro_batches))),
      losses_(plan.epochs()) {
  std::int64_t workspace = 0;
  for (int k = 0; k < static_cast<int>(partition.size()); ++k) {
    stages_.push_back(
        std::make_unique<StageEngine<T>>(context_, k, policies[k], plan.batches_per_epoch()));
    workspace = std::max(workspace, plan_.stages[k].workspace);
  }
  for (int w = 0; w < workers; ++w) workspaces_.emplace_back(workspace);
}

template <class T>
WeightFiles<T> PipelineEngine<T>::weight_files() const {
  std::vector<LayerBlocks<T>> blocks;
  for (std::size_t k = 0; k < stages_.size(); ++k)
    for (int l = context_.partition[k].first_layer; l < context_.partition[k].end_layer; ++l)
      blocks.push_back({stages_[k]->weights().current() + plan_.parameter_offset[l],
                        stages_[k]->statistics() + plan_.state_offset[l]});
  return {context_.network, plan_, std::move(blocks)};
}

template <class T>
void PipelineEngine<T>::start_stages() {
  for (auto& stage : stages_) stage->weights().start();
}

template <class T>
void PipelineEngine<T>::initialize() {
  weight_files().draw(train_.initialization, train_.seed);
  start_stages();
}

template <class T>
std::vector<std::string> PipelineEngine<T>::import_weights(const TensorMap& tensors,
                                                           const std::string& file) {
  const std::vector<std::string> notes = weight_files().import_tensors(tensors, file);
  start_stages();
  return notes;
}

template <class T>
TensorMap PipelineEngine<T>::export_weights() const {
  return weight_files().export_tensors();
}

template <class T>
void PipelineEngine<T>::measure_layers(std::vector<LayerSeconds>* seconds) {
  context_.layer_seconds = seconds;
  if (seconds) seconds->assign(context_.network.layers.size(), LayerSeconds{});
}

template <class T>
void PipelineEngine<T>::execute(const Op& op, int worker) {
  StageEngine<T>& stage = *stages_[op.stage];
  const MicroBatchData& data = micro_batches_[place(op.micro_batch)];
  T* const workspace = workspaces_[worker].data();
  switch (op.pass) {
    case Pass::forward:
      stage.forward(op.micro_batch, data, op.version, workspace);
      if (context_.partition[op.stage].has_loss) measure_loss(op.micro_batch, workspace);
      return;
    case Pass::backward:
    case Pass::backward_with_update:
      return stage.backward(op.micro_batch, data, makes_version(op.pass), workspace);
    case Pass::update:
      return stage.update(data);
  }
  throw ModelBug("a pass that is no work of the engine");
}

template <class T>
void PipelineEngine<T>::measure_loss(MicroBatchId id, T* workspace) {
  const MicroBatchData& data = micro_batches_[place(id)];
  const MicroBatch& micro_batch = data.micro_batch;
  const ValueId out = static_cast<int>(context_.network.layers.size());
  const LossResult result =
      loss_.measure(data, values_.value(out, id, workspace, {0, micro_batch.samples}));
  losses_.add(micro_batch, result);
  if (std::isfinite(result.loss_sum) || losses_.diverged_micro_batch() != LossRecord::kNone) return;
  losses_.note_divergence(
      id, find_divergence(context_.network, plan_, values_, micro_batch, id, result.loss_sum));
}

template <class T>
std::optional<EpochResult> PipelineEngine<T>::evaluate(std::int64_t epoch, int threads,
                                                       const std::function<bool()>& gives_up) {
  std::vector<const EpochSnapshot<T>*> snapshots;
  for (auto& stage : stages_) snapshots.push_back(&stage->snapshots().claim(epoch));
  return stagecoach::evaluate(context_, snapshots, threads, gives_up);
}

template <class T>
bool PipelineEngine<T>::diverged_at_end(std::int64_t epoch, MicroBatchId last,
                                        std::optional<double> test_loss) {
  Divergence found;
  found.epoch = epoch;
  found.sample = Divergence::kNoSample;
  for (const auto& stage : stages_) {
    const auto& bad = stage->not_finite();
    if (!bad || bad->epoch > epoch) continue;
    found.value = DivergedValue::weights;
    found.layer = context_.network.layers[bad->layer].spec.name;
    found.weight_version = bad->version;
    losses_.note_divergence(last, found);
    return true;
  }
  if (!test_loss || std::isfinite(*test_loss)) return false;
  found.value = DivergedValue::test_loss;
  found.layer = "loss";
  found.loss = *test_loss;
  found.weight_version = version(static_cast<int>(stages_.size()) - 1);
  losses_.note_divergence(last, found);
  return true;
}

template <class T>
void PipelineEngine<T>::look_at_weights(std::int64_t epoch) {
  for (auto& stage : stages_) stage->look_at_weights(epoch);
}

template <class T>
void PipelineEngine<T>::visit_state(StateVisitor& visitor) {
  for (int k = 0; k < static_cast<int>(stages_.size()); ++k) {
    const StateScope scope(visitor, "stage_" + std::to_string(k));
    stages_[k]->visit_state(visitor);
    values_.visit_state(visitor, k);
  }
  const StateScope scope(visitor, "losses");
  losses_.visit_state(visitor);
}

template class PipelineEngine<float>;
template class PipelineEngine<double>;

}  // namespace stagecoach
