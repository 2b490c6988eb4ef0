// SPDX-License-Identifier: Apache-2.0
// Versions that micro-batches in flight have read, oldest first, in compact form. The first of
// hundreds of stages has hundreds of micro-batches in flight; plain queues of all stages would not
// stay in cache. In the steady state a micro-batch reads the version after the one that the
// previous micro-batch read (or the same one, within a mini-batch). Such micro-batches form one
// run.
#pragma once

#include <deque>

#include "models/op.h"

namespace stagecoach {

class VersionQueue {
 public:
  bool empty() const { return runs_.empty(); }
  WeightVersion front() const { return runs_.front().first; }
  WeightVersion back() const { return runs_.back().at(runs_.back().micro_batches - 1); }

  void push_back(WeightVersion version) {
    if (!runs_.empty()) {
      Run& run = runs_.back();
      const WeightVersion step = version - run.at(run.micro_batches - 1);
      if (run.micro_batches == 1 && (step == 0 || step == 1)) run.step = step;
      if (step == run.step) {
        ++run.micro_batches;
        return;
      }
    }
    runs_.push_back({version, 1, kNoStep});
  }

  void pop_front() {
    Run& run = runs_.front();
    if (--run.micro_batches == 0) {
      runs_.pop_front();
    } else {
      run.first += run.step;
    }
  }

 private:
  static constexpr WeightVersion kNoStep = -1;  ///< of a run of one: versions never decrease

  struct Run {
    WeightVersion first;
    std::int64_t micro_batches;
    WeightVersion step;
    WeightVersion at(std::int64_t i) const { return i == 0 ? first : first + i * step; }
  };
  std::deque<Run> runs_;
};

}  // namespace stagecoach
