// SPDX-License-Identifier: Apache-2.0
// From gradients to new weights: the rule of the moment, updates in passing, the rest at the end.
#include <algorithm>

#include "models/engine/pipeline_engine.h"

namespace stagecoach {

template <class T>
const UpdateRule& PipelineEngine<T>::rule_for(int index, const MicroBatch& micro_batch) {
  Stage& stage = *stages_[index];
  const bool other_batch = rule_varies_ && stage.rule_batch != micro_batch.batch;
  if (stage.rule_batch >= 0 && !other_batch && stage.rule_delay == stage.delay) return stage.rule;
  StageDelay delay = policies_[index].delay;
  delay.delay = stage.delay;
  stage.rule = make_update_rule(train_, delay, micro_batch.batch, plan_.batches_per_epoch());
  stage.rule_batch = micro_batch.batch;
  stage.rule_delay = stage.delay;
  stage.coefficients.clear();
  for (const ParameterSegment& s : stage.weights.segments())
    stage.coefficients.push_back(stage.rule.template coefficients<T>(s.norm_or_bias));
  return stage.rule;
}

template <class T>
void PipelineEngine<T>::update(const Work& work) {
  Stage& stage = *work.stage;
  const MicroBatch& micro_batch = work.data->micro_batch;
  const UpdateRule& rule = rule_for(work.op.stage, micro_batch);
  const int first_layer = partition_[work.op.stage].first_layer;
  for (const ParameterSegment& s : stage.weights.segments())
    if (!stage.updated[s.layer - first_layer]) stage.weights.update_segment(rule, s);
  std::fill(stage.updated.begin(), stage.updated.end(), false);
  stage.weights.end_update();
  if (micro_batch.last_of_epoch && data_.size(Split::test) > 0)
    take_snapshot(stage, micro_batch.epoch);
}

template <class T>
void PipelineEngine<T>::take_snapshot(Stage& stage, std::int64_t epoch) const {
  auto place = std::find_if(stage.snapshots.begin(), stage.snapshots.end(),
                            [](const EpochSnapshot<T>& s) { return s.epoch == s.kFree; });
  if (place == stage.snapshots.end()) {
    stage.snapshots.push_back(
        {epoch, Buffer<T>(stage.weights.size()), Buffer<T>(stage.state.size())});
    place = stage.snapshots.end() - 1;
  }
  place->epoch = epoch;
  std::copy_n(stage.weights.current(), stage.weights.size(), place->weights.data());
  std::copy_n(stage.state.data(), stage.state.size(), place->state.data());
}

template <class T>
FusedUpdate<T> PipelineEngine<T>::fused_update(int l, const Work& work) const {
  StageWeights<T>& weights = work.stage->weights;
  const auto& segments = weights.segments();
  const auto first = std::find_if(segments.begin(), segments.end(),
                                  [&](const ParameterSegment& s) { return s.layer == l; });
  const std::int64_t offset = values_.parameter_offset[l];
  FusedUpdate<T> update;
  update.weights = weights.current() + offset;
  update.velocity = weights.velocity() + offset;
  update.predicted = weights.forward_shadow() ? weights.forward_shadow() + offset : nullptr;
  update.coefficients = work.stage->coefficients.data() + (first - segments.begin());
  return update;
}

template FusedUpdate<float> PipelineEngine<float>::fused_update(int, const Work&) const;
template const UpdateRule& PipelineEngine<float>::rule_for(int, const MicroBatch&);
template void PipelineEngine<float>::update(const Work&);
template void PipelineEngine<float>::take_snapshot(Stage&, std::int64_t) const;
template FusedUpdate<double> PipelineEngine<double>::fused_update(int, const Work&) const;
template const UpdateRule& PipelineEngine<double>::rule_for(int, const MicroBatch&);
template void PipelineEngine<double>::update(const Work&);
template void PipelineEngine<double>::take_snapshot(Stage&, std::int64_t) const;

}  // namespace stagecoach
