// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/stage_weights.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"

namespace stagecoach {
namespace {

/// A delay that is measured may be one or more at a stage where none is expected.
StageDelay declared_delay(const TrainSpec& train, StageDelay delay) {
  if (train.mitigation.delay == DelaySource::measured) delay.delay = std::max(1.0, delay.delay);
  return delay;
}

}  // namespace

template <class T>
StageWeights<T>::StageWeights(std::int64_t size, std::vector<ParameterSegment> segments,
                              const TrainSpec& train, const StagePolicy& policy,
                              std::int64_t batches_per_epoch)
    : size_(size),
      segments_(std::move(segments)),
      policy_(policy),
      declaration_(declare_update(train, declared_delay(train, policy.delay))),
      rule_(make_update_rule<T>(train, declared_delay(train, policy.delay), batches_per_epoch)),
      weights_(size),
      gradient_(size),
      predicted_forward_(declaration_.predicts_forward ? size : 0),
      predicted_backward_(declaration_.predicts_backward ? size : 0),
      fused_(segments_.size()),
      state_at_(declaration_.state.size()) {
  for (std::size_t i = 0; i < declaration_.state.size(); ++i) state_.emplace_back(size);
  take_coefficients();
}

template <class T>
void StageWeights<T>::start() {
  const auto copy_to = [this](const Buffer<T>& b) {
    if (b.size()) std::copy_n(weights_.data(), size_, b.data());
  };
  copy_to(predicted_forward_);
  copy_to(predicted_backward_);
  for (std::size_t i = 0; i < state_.size(); ++i)
    if (declaration_.state[i].first_value == FirstValue::weights) copy_to(state_[i]);
}

template <class T>
typename StageWeights<T>::Read StageWeights<T>::read_forward(WeightVersion version) {
  if (version == Op::kCurrent || version == version_ || size_ == 0) {
    if (version == Op::kCurrent) version = version_;
    if (policy_.stash) in_use_.push_back(version);
    return {forward_weights(), version};
  }
  const Kept* kept = find(version);
  if (!kept)
    throw ModelBug("a forward names weight version " + std::to_string(version) +
                   ", which is not kept (current: " + std::to_string(version_) + ")");
  if (policy_.stash) in_use_.push_back(version);
  return {kept->weights.data(), version};
}

template <class T>
const T* StageWeights<T>::read_backward(WeightVersion forward_version) const {
  if (!policy_.stash)
    return predicted_backward_.size() ? predicted_backward_.data() : weights_.data();
  if (forward_version == version_ || size_ == 0) return forward_weights();
  const Kept* kept = find(forward_version);
  if (!kept)
    throw ModelBug("stashed weight version " + std::to_string(forward_version) + " is gone");
  return kept->weights.data();
}

template <class T>
void StageWeights<T>::release(WeightVersion forward_version) {
  if (!policy_.stash) return;
  const auto one = std::find(in_use_.begin(), in_use_.end(), forward_version);
  if (one != in_use_.end()) in_use_.erase(one);
}

template <class T>
const typename StageWeights<T>::Kept* StageWeights<T>::find(WeightVersion version) const {
  for (const Kept& k : kept_)
    if (k.version == version) return &k;
  return nullptr;
}

template <class T>
typename StageWeights<T>::Kept& StageWeights<T>::free_place() {
  const auto place =
      std::find_if(kept_.begin(), kept_.end(), [](const Kept& k) { return k.version == kFree; });
  if (place != kept_.end()) return *place;
  kept_.push_back({kFree, Buffer<T>(size_)});
  return kept_.back();
}

template <class T>
void StageWeights<T>::keep_version() {
  const auto needed = [&](WeightVersion v) {
    return v > version_ - policy_.history || std::count(in_use_.begin(), in_use_.end(), v) > 0;
  };
  for (Kept& k : kept_)
    if (k.version != kFree && !needed(k.version)) k.version = kFree;
  if (!needed(version_) || size_ == 0) return;
  Kept& place = free_place();
  std::copy_n(forward_weights(), size_, place.weights.data());
  place.version = version_;
}

template <class T>
void StageWeights<T>::begin_update(const StageDelay& delay, std::int64_t batch) {
  keep_version();
  if (rule_->set(delay, batch)) take_coefficients();
}

template <class T>
void StageWeights<T>::take_coefficients() {
  coefficients_.clear();
  for (const ParameterSegment& s : segments_)
    if (const auto c = rule_->fused(s.norm_or_bias)) coefficients_.push_back(*c);
}

template <class T>
FusedUpdate<T> StageWeights<T>::fused_update(int layer, std::int64_t offset) {
  std::size_t first = 0;
  while (segments_[first].layer != layer) ++first;
  for (std::size_t i = first; i < segments_.size() && segments_[i].layer == layer; ++i)
    fused_[i] = true;
  FusedUpdate<T> update;
  update.weights = weights_.data() + offset;
  update.velocity = state_.front().data() + offset;
  update.predicted = predicted_forward_.size() ? predicted_forward_.data() + offset : nullptr;
  update.coefficients = coefficients_.data() + first;
  return update;
}

template <class T>
void StageWeights<T>::end_update() {
  for (std::size_t i = 0; i < segments_.size(); ++i)
    if (!fused_[i]) update_segment(segments_[i]);
  std::fill(fused_.begin(), fused_.end(), false);
  ++version_;
}

template <class T>
void StageWeights<T>::update_segment(const ParameterSegment& s) {
  const auto at = [&](const Buffer<T>& b) { return b.size() ? b.data() + s.offset : nullptr; };
  for (std::size_t i = 0; i < state_.size(); ++i) state_at_[i] = at(state_[i]);
  UpdateArrays<T> a;
  a.weights = at(weights_);
  a.gradient = at(gradient_);
  a.state = state_at_.data();
  a.predicted_forward = at(predicted_forward_);
  a.predicted_backward = at(predicted_backward_);
  a.n = s.size;
  rule_->apply(s.norm_or_bias, a);
}

template <class T>
void StageWeights<T>::visit_state(StateVisitor& visitor) {
  visitor.value("version", version_);
  visitor.array("weights", weights_.data(), size_);
  visitor.array("gradient", gradient_.data(), size_);
  for (std::size_t i = 0; i < state_.size(); ++i)
    visitor.array(declaration_.state[i].name, state_[i].data(), size_);
  visitor.array("predicted_forward", predicted_forward_.data(), predicted_forward_.size());
  visitor.array("predicted_backward", predicted_backward_.data(), predicted_backward_.size());
  visitor.list("versions_in_use", in_use_);
  visit_versions(visitor);
}

template <class T>
void StageWeights<T>::visit_versions(StateVisitor& visitor) {
  std::vector<WeightVersion> versions;
  for (const Kept& k : kept_)
    if (k.version != kFree) versions.push_back(k.version);
  visitor.list("versions_kept", versions);
  if (visitor.restores()) {
    for (Kept& k : kept_) k.version = kFree;
    for (const WeightVersion v : versions) free_place().version = v;
  }
  for (const WeightVersion v : versions)
    visitor.array("weights_of_version_" + std::to_string(v), find(v)->weights.data(), size_);
}

template class StageWeights<float>;
template class StageWeights<double>;

}  // namespace stagecoach
