// SPDX-License-Identifier: Apache-2.0
// Gradients that cross from stage to stage, and the memory that they lie in.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/base/tensor.h"
#include "models/engine/micro_batch_slots.h"
#include "models/engine/value_plan.h"

namespace stagecoach {

/// Buffers of one boundary gradient: taken by the stage that writes it first, given back by the
/// stage that made the value. Two threads may meet here. Last in, first out, to stay in cache.
template <class T>
class GradientPool {
 public:
  explicit GradientPool(std::int64_t size) : size_(size) {}

  std::int64_t size() const { return size_; }
  T* take();
  void give(T* buffer);

 private:
  std::int64_t size_;
  std::mutex mutex_;
  std::vector<Buffer<T>> buffers_;
  std::vector<T*> free_;
};

/// The boundary gradients of all stages. One belongs to the slot of the micro-batch at the stage
/// that made the value.
template <class T>
class BoundaryGradients {
 public:
  /// `plan` must outlive it.
  explicit BoundaryGradients(const ValuePlan<T>& plan);

  int count(int stage) const { return static_cast<int>(pools_[stage].size()); }
  /// Of the value `root` (ValuePlan), made at the slot's stage; takes a buffer if there is none.
  T* of(ValueId root, MicroBatchSlot<T>& slot);
  /// Gives back what the slot holds: its stage's backward has read it.
  void release(int stage, MicroBatchSlot<T>& slot);
  void visit_state(StateVisitor& visitor, int stage, MicroBatchSlot<T>& slot);

 private:
  const ValuePlan<T>& plan_;
  std::vector<int> index_;  ///< by root value: place among its stage's pools; -1: none
  std::vector<std::vector<std::unique_ptr<GradientPool<T>>>> pools_;  ///< by stage
};

}  // namespace stagecoach
