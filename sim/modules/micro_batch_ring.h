// SPDX-License-Identifier: Apache-2.0
// Values of consecutive micro-batches, oldest first: a queue that is also an array. Grows when it
// must.
#pragma once

#include <cstddef>
#include <vector>

#include "models/op.h"

namespace stagecoach {

template <typename T>
class MicroBatchRing {
 public:
  /// The value of micro-batch `id`, default-made when first asked for. `id` is at least first().
  T& at(MicroBatchId id) {
    while (id - first_ >= static_cast<MicroBatchId>(slots_.size())) grow();
    return slots_[index(id)];
  }
  /// The value of micro-batch `id`, or null if nobody has asked for it yet or it is gone.
  const T* find(MicroBatchId id) const {
    if (id < first_ || id - first_ >= static_cast<MicroBatchId>(slots_.size())) return nullptr;
    return &slots_[index(id)];
  }
  MicroBatchId first() const { return first_; }
  /// Forgets the oldest micro-batch.
  void pop() {
    slots_[index(first_)] = T{};
    ++first_;
  }

 private:
  std::size_t index(MicroBatchId id) const {
    return static_cast<std::size_t>(id) & (slots_.size() - 1);
  }
  void grow() {
    std::vector<T> larger(slots_.size() * 2);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const MicroBatchId id = first_ + static_cast<MicroBatchId>(i);
      larger[static_cast<std::size_t>(id) & (larger.size() - 1)] = slots_[index(id)];
    }
    slots_.swap(larger);
  }

  MicroBatchId first_ = 0;
  std::vector<T> slots_ = std::vector<T>(4);
};

}  // namespace stagecoach
