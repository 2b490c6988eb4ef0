// SPDX-License-Identifier: Apache-2.0
// Counts how stale the weights of one stage's micro-batches are, from the order of its operations.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "models/op.h"

namespace stagecoach {

/// Updates between reads and the own update, counted per backward with update of a micro-batch.
struct StalenessCount {
  std::map<std::int64_t, std::int64_t> histogram;  ///< delay -> micro-batches
  std::int64_t backward_sum = 0;  ///< sum of (version read by backward - version read by forward)
  std::int64_t count() const;
  double mean() const;  ///< 0 when nothing was counted
};

/// Told every operation of the stage in order; micro-batches leave in the order in which they came.
class StalenessCounter {
 public:
  /// `stashes`: a backward reads what its forward read, else the newest weights.
  explicit StalenessCounter(bool stashes = false) : stashes_(stashes) {}

  void forward(WeightVersion read) { in_flight_.push_back(read); }

  void backward() {
    const WeightVersion read = in_flight_.front();
    in_flight_.pop_front();
    if (!stashes_) backward_sum_ += updates_ - read;
    batch_.push_back(read);
  }

  /// Counts the delay of every micro-batch whose backward came since the last update.
  void update() {
    for (const WeightVersion read : batch_) {
      const auto delay = static_cast<std::size_t>(updates_ - read);
      if (delay >= delays_.size()) delays_.resize(delay + 1, 0);
      ++delays_[delay];
    }
    batch_.clear();
    ++updates_;
  }

  StalenessCount count() const {
    StalenessCount result;
    for (std::size_t delay = 0; delay < delays_.size(); ++delay) {
      if (delays_[delay] > 0) result.histogram[static_cast<std::int64_t>(delay)] = delays_[delay];
    }
    result.backward_sum = backward_sum_;
    return result;
  }

 private:
  bool stashes_;
  WeightVersion updates_ = 0;
  std::deque<WeightVersion> in_flight_;  ///< versions read by micro-batches in flight, oldest first
  std::vector<WeightVersion> batch_;     ///< versions read by micro-batches that await their update
  std::vector<std::int64_t> delays_;     ///< micro-batches by delay
  std::int64_t backward_sum_ = 0;
};

}  // namespace stagecoach
