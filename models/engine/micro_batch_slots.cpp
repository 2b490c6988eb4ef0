// SPDX-License-Identifier: Apache-2.0
#include "models/engine/micro_batch_slots.h"

#include <algorithm>

namespace stagecoach {

template <class T>
MicroBatchSlot<T>& MicroBatchSlots<T>::open(MicroBatchId id) {
  MicroBatchSlot<T>* slot = nullptr;
  if (free_.empty()) {
    slots_.push_back(std::make_unique<MicroBatchSlot<T>>());
    slot = slots_.back().get();
    slot->block = Buffer<T>(block_elements_);
    slot->gradients.resize(static_cast<std::size_t>(boundary_gradients_), nullptr);
    free_.reserve(slots_.size());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slot->micro_batch = id;
  ring_[place(id)] = slot;
  return *slot;
}

template <class T>
std::vector<MicroBatchId> MicroBatchSlots<T>::open_micro_batches() const {
  std::vector<MicroBatchId> ids;
  for (const MicroBatchSlot<T>* slot : ring_)
    if (slot) ids.push_back(slot->micro_batch);
  std::sort(ids.begin(), ids.end());
  return ids;
}

template <class T>
void MicroBatchSlots<T>::visit_state(StateVisitor& visitor) {
  std::vector<MicroBatchId> ids = open_micro_batches();
  visitor.list("micro_batches", ids);
  for (const MicroBatchId id : ids) {
    const StateScope scope(visitor, "micro_batch_" + std::to_string(id));
    MicroBatchSlot<T>& slot = visitor.restores() ? open(id) : at(id);
    visitor.value("version", slot.version);
    visitor.array("values", slot.block.data(), slot.block.size());
  }
}

template class MicroBatchSlots<float>;
template class MicroBatchSlots<double>;

}  // namespace stagecoach
