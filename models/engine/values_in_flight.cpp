// SPDX-License-Identifier: Apache-2.0
#include "models/engine/values_in_flight.h"

namespace stagecoach {

template <class T>
ValuesInFlight<T>::ValuesInFlight(const ValuePlan<T>& plan, std::int64_t places)
    : plan_(plan), gradients_(plan) {
  for (int k = 0; k < static_cast<int>(plan.stages.size()); ++k)
    slots_.emplace_back(plan.stages[k].slot, gradients_.count(k), places);
}

template <class T>
void ValuesInFlight<T>::close(int stage, MicroBatchId id) {
  gradients_.release(stage, slot(stage, id));
  slots_[stage].close(id);
}

template <class T>
View<T> ValuesInFlight<T>::gradient(ValueId v, MicroBatchId id, T* workspace, Chunk chunk,
                                    bool first) {
  const Place<T>& place = plan_.gradients[v];
  if (!place.kept) {
    View<T> view = place.layout.view(workspace + place.offset, chunk.count);
    if (first && place.root == v) clear_halo(view, place.layout.halo);
    return view;
  }
  T* const buffer = boundary_gradient(place.root, id);
  return place.layout.view(buffer + chunk.first * place.layout.sample_stride, chunk.count);
}

template <class T>
void ValuesInFlight<T>::scale_boundary_gradient(ValueId v, MicroBatchId id, Chunk chunk, T factor) {
  const Place<T>& place = plan_.gradients[v];
  if (!place.wanted) return;
  T* g = boundary_gradient(place.root, id) + place.layout.sample_stride * chunk.first;
  const std::int64_t size = place.layout.sample_stride * chunk.count;
  for (std::int64_t i = 0; i < size; ++i) g[i] *= factor;
}

template <class T>
void ValuesInFlight<T>::visit_state(StateVisitor& visitor, int stage) {
  slots_[stage].visit_state(visitor);
  for (const MicroBatchId id : slots_[stage].open_micro_batches()) {
    const StateScope scope(visitor, "micro_batch_" + std::to_string(id));
    gradients_.visit_state(visitor, stage, slot(stage, id));
  }
}

template class ValuesInFlight<float>;
template class ValuesInFlight<double>;

}  // namespace stagecoach
