// SPDX-License-Identifier: Apache-2.0
// The memory of one stage for the micro-batches that are in flight there.
#pragma once

#include <memory>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/base/tensor.h"
#include "models/op.h"

namespace stagecoach {

/// One micro-batch at one stage, from the start of its forward to the end of its backward.
template <class T>
struct MicroBatchSlot {
  MicroBatchId micro_batch = 0;
  Buffer<T> block;            ///< kept values and what layers save
  std::vector<T*> gradients;  ///< one per boundary gradient of the stage; null until written
  WeightVersion version = 0;  ///< read by the forward
};

/// Only the stage itself opens and closes slots; neighbours read what is open. Last in, first out,
/// to stay in cache.
template <class T>
class MicroBatchSlots {
 public:
  /// `places`: a power of two, more than numbers of micro-batches in flight lie apart.
  MicroBatchSlots(std::int64_t block_elements, int boundary_gradients, std::int64_t places)
      : block_elements_(block_elements),
        boundary_gradients_(boundary_gradients),
        ring_(static_cast<std::size_t>(places), nullptr) {}

  MicroBatchSlot<T>& open(MicroBatchId id);
  MicroBatchSlot<T>& at(MicroBatchId id) const { return *ring_[place(id)]; }
  void close(MicroBatchId id) {
    free_.push_back(ring_[place(id)]);
    ring_[place(id)] = nullptr;
  }
  /// Micro-batches in flight, in ascending order.
  std::vector<MicroBatchId> open_micro_batches() const;
  /// All but the boundary gradients. Restoring needs a stage with nothing in flight.
  void visit_state(StateVisitor& visitor);

 private:
  std::size_t place(MicroBatchId id) const {
    return static_cast<std::size_t>(id) & (ring_.size() - 1);
  }

  std::int64_t block_elements_;
  int boundary_gradients_;
  std::vector<std::unique_ptr<MicroBatchSlot<T>>> slots_;
  std::vector<MicroBatchSlot<T>*> free_;
  std::vector<MicroBatchSlot<T>*> ring_;  ///< by micro-batch, modulo its size; null: not here
};

}  // namespace stagecoach
