// SPDX-License-Identifier: Apache-2.0
// The loss of samples of a data set: fetches their labels or targets.
#pragma once

#include "models/data/dataset.h"
#include "models/engine/loss.h"
#include "models/engine/micro_batch_data.h"

namespace stagecoach {

template <class T>
class LossHead {
 public:
  /// `data` must outlive it.
  LossHead(LossKind kind, const Dataset& data) : kind_(kind), data_(data) {}

  LossKind kind() const { return kind_; }
  /// Of the network's output for a micro-batch of the training set.
  LossResult measure(const MicroBatchData& data, const View<const T>& output) const;
  /// The derivative of the mini-batch's mean loss by the output of a chunk.
  void gradient(const MicroBatchData& data, Chunk chunk, const View<const T>& output,
                const View<T>& gradient) const;
  /// Of the network's output for one sample of the test set.
  LossResult measure_test(std::int64_t index, const View<const T>& output) const;

 private:
  LossResult loss(Split split, const std::int64_t* samples, const View<const T>& output, T scale,
                  const View<T>& gradient) const;

  const LossKind kind_;
  const Dataset& data_;
};

}  // namespace stagecoach
