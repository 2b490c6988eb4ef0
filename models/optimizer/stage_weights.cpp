// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/stage_weights.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"

namespace stagecoach {

template <class T>
StageWeights<T>::StageWeights(std::int64_t size, std::vector<ParameterSegment> segments,
                              const UpdateRule& first_rule, bool stash, int history)
    : size_(size),
      segments_(std::move(segments)),
      stash_(stash),
      history_(history),
      weights_(size),
      velocity_(size),
      gradient_(size),
      forward_shadow_(first_rule.forward_shadow() ? size : 0),
      backward_shadow_(first_rule.backward_shadow() ? size : 0),
      delta_(first_rule.discrepancy_span != 0 ? size : 0) {}

template <class T>
void StageWeights<T>::start() {
  for (Buffer<T>* shadow : {&forward_shadow_, &backward_shadow_})
    if (shadow->size()) std::copy_n(weights_.data(), size_, shadow->data());
}

template <class T>
typename StageWeights<T>::Read StageWeights<T>::read_forward(WeightVersion version) {
  if (version == Op::kCurrent || version == version_ || size_ == 0) {
    if (version == Op::kCurrent) version = version_;
    if (stash_) in_use_.push_back(version);
    return {forward_weights(), version};
  }
  const Kept* kept = find(version);
  if (!kept)
    throw ModelBug("a forward names weight version " + std::to_string(version) +
                   ", which is not kept (current: " + std::to_string(version_) + ")");
  if (stash_) in_use_.push_back(version);
  return {kept->weights.data(), version};
}

template <class T>
const T* StageWeights<T>::read_backward(WeightVersion forward_version) const {
  if (!stash_) return backward_shadow_.size() ? backward_shadow_.data() : weights_.data();
  if (forward_version == version_ || size_ == 0) return forward_weights();
  const Kept* kept = find(forward_version);
  if (!kept)
    throw ModelBug("stashed weight version " + std::to_string(forward_version) + " is gone");
  return kept->weights.data();
}

template <class T>
void StageWeights<T>::release(WeightVersion forward_version) {
  if (!stash_) return;
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
void StageWeights<T>::begin_update() {
  const auto needed = [&](WeightVersion v) {
    return v > version_ - history_ || std::count(in_use_.begin(), in_use_.end(), v) > 0;
  };
  for (Kept& k : kept_)
    if (k.version >= 0 && !needed(k.version)) k.version = -1;
  if (!needed(version_) || size_ == 0) return;
  auto place =
      std::find_if(kept_.begin(), kept_.end(), [](const Kept& k) { return k.version < 0; });
  if (place == kept_.end()) {
    kept_.push_back({-1, Buffer<T>(size_)});
    place = kept_.end() - 1;
  }
  std::copy_n(forward_weights(), size_, place->weights.data());
  place->version = version_;
}

template <class T>
void StageWeights<T>::update_segment(const UpdateRule& rule, const ParameterSegment& s) {
  UpdateArrays<T> a;
  auto at = [&](Buffer<T>& b) { return b.size() ? b.data() + s.offset : nullptr; };
  a.weights = at(weights_);
  a.velocity = at(velocity_);
  a.gradient = at(gradient_);
  a.forward_shadow = at(forward_shadow_);
  a.backward_shadow = at(backward_shadow_);
  a.delta = at(delta_);
  a.n = s.size;
  apply_update(rule, s.norm_or_bias, a);
}

template class StageWeights<float>;
template class StageWeights<double>;

}  // namespace stagecoach
