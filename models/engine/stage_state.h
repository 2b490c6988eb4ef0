// SPDX-License-Identifier: Apache-2.0
// What one stage of the functional engine owns: weights, running statistics, micro-batches in
// flight.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "models/base/tensor.h"
#include "models/optimizer/stage_weights.h"

namespace stagecoach {

/// Buffers of one boundary gradient: taken by the stage that writes it first, given back by the
/// stage that made the value. Two threads may meet here. Last in, first out, to stay in cache.
template <class T>
class GradientPool {
 public:
  explicit GradientPool(std::int64_t size) : size_(size) {}

  T* take() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) {
      buffers_.emplace_back(size_);
      free_.reserve(buffers_.size());
      return buffers_.back().data();
    }
    T* p = free_.back();
    free_.pop_back();
    return p;
  }
  void give(T* p) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(p);
  }

 private:
  std::int64_t size_;
  std::mutex mutex_;
  std::vector<Buffer<T>> buffers_;
  std::vector<T*> free_;
};

/// One micro-batch at one stage, from the start of its forward to the end of its backward.
template <class T>
struct MicroBatchSlot {
  Buffer<T> block;            ///< kept values and what layers save
  std::vector<T*> gradients;  ///< one per boundary output of the stage; null until written
  WeightVersion version = 0;  ///< read by the forward
};

/// A stage's weights and running statistics after an epoch's last update, until the epoch is
/// evaluated: by then the stage may have begun the next one, or, where epochs are shorter than the
/// pipeline, ended it.
template <class T>
struct EpochSnapshot {
  static constexpr std::int64_t kFree = -1;
  std::int64_t epoch = kFree;
  Buffer<T> weights, state;
};

/// One stage. Its operations come one at a time; only `ring` and the pools are read by neighbours,
/// after the operation that filled them.
template <class T>
struct StageState {
  StageState(StageWeights<T> w, const std::vector<std::int64_t>& boundary_sizes)
      : weights(std::move(w)) {
    for (std::int64_t size : boundary_sizes)
      pools.push_back(std::make_unique<GradientPool<T>>(size));
  }

  StageWeights<T> weights;
  Buffer<T> state;  ///< running statistics
  std::vector<EpochSnapshot<T>> snapshots;
  std::vector<std::unique_ptr<MicroBatchSlot<T>>> slots;
  std::vector<MicroBatchSlot<T>*> free_slots;
  std::vector<MicroBatchSlot<T>*> ring;                 ///< by micro-batch, modulo its size
  std::vector<std::unique_ptr<GradientPool<T>>> pools;  ///< by boundary output
  UpdateRule rule;
  std::int64_t rule_batch = -1;  ///< mini-batch that `rule` was made for
  double rule_delay = 0;         ///< ... and the delay
  double delay = 0;  ///< D of the update at hand: closed form, or of the backward before it
  std::vector<UpdateCoefficients<T>> coefficients;  ///< of `rule`, by segment
  std::vector<char> updated;  ///< by layer of the stage: the backward applied the update in passing
};

}  // namespace stagecoach
