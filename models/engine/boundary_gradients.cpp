// SPDX-License-Identifier: Apache-2.0
#include "models/engine/boundary_gradients.h"

namespace stagecoach {

template <class T>
T* GradientPool<T>::take() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (free_.empty()) {
    buffers_.emplace_back(size_);
    free_.reserve(buffers_.size());
    return buffers_.back().data();
  }
  T* buffer = free_.back();
  free_.pop_back();
  return buffer;
}

template <class T>
void GradientPool<T>::give(T* buffer) {
  std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(buffer);
}

template <class T>
BoundaryGradients<T>::BoundaryGradients(const ValuePlan<T>& plan)
    : plan_(plan), index_(plan.gradients.size(), -1), pools_(plan.stages.size()) {
  for (ValueId v = 0; v < static_cast<int>(plan.gradients.size()); ++v) {
    const Place<T>& g = plan.gradients[v];
    if (g.root != v || !g.kept || !g.wanted) continue;
    auto& pools = pools_[plan.producer_stage[v]];
    index_[v] = static_cast<int>(pools.size());
    pools.push_back(std::make_unique<GradientPool<T>>(g.layout.size(plan.batch)));
  }
}

template <class T>
T* BoundaryGradients<T>::of(ValueId root, MicroBatchSlot<T>& slot) {
  const int index = index_[root];
  T*& buffer = slot.gradients[index];
  if (!buffer) buffer = pools_[plan_.producer_stage[root]][index]->take();
  return buffer;
}

template <class T>
void BoundaryGradients<T>::release(int stage, MicroBatchSlot<T>& slot) {
  for (std::size_t i = 0; i < slot.gradients.size(); ++i) {
    if (!slot.gradients[i]) continue;
    pools_[stage][i]->give(slot.gradients[i]);
    slot.gradients[i] = nullptr;
  }
}

template <class T>
void BoundaryGradients<T>::visit_state(StateVisitor& visitor, int stage, MicroBatchSlot<T>& slot) {
  for (std::size_t i = 0; i < slot.gradients.size(); ++i) {
    const std::string name = "boundary_gradient_" + std::to_string(i);
    GradientPool<T>& pool = *pools_[stage][i];
    bool written = slot.gradients[i] != nullptr;
    visitor.value(name + ".written", written);
    if (!written) continue;
    if (!slot.gradients[i]) slot.gradients[i] = pool.take();
    visitor.array(name, slot.gradients[i], pool.size());
  }
}

template class GradientPool<float>;
template class GradientPool<double>;
template class BoundaryGradients<float>;
template class BoundaryGradients<double>;

}  // namespace stagecoach
