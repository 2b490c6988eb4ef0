// SPDX-License-Identifier: Apache-2.0
// How long every layer's kernels take on this computer.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/host_clock.h"

namespace stagecoach {

struct PassSeconds {
  double seconds = 0;
  std::int64_t calls = 0;
};

/// Time that a layer's kernels have taken so far; a fused update counts as backward.
struct LayerSeconds {
  PassSeconds forward, backward;
};

/// Takes a layer's time, if anybody asks. A layer belongs to one stage: no two threads meet here.
class LayerClock {
 public:
  /// `seconds`: one per layer of the network; null: nobody asks.
  explicit LayerClock(std::vector<LayerSeconds>* seconds)
      : seconds_(seconds), begin_(seconds ? wall_seconds() : 0) {}
  void add(int layer, PassSeconds LayerSeconds::*pass) const {
    if (!seconds_) return;
    PassSeconds& sum = (*seconds_)[layer].*pass;
    sum.seconds += wall_seconds() - begin_;
    ++sum.calls;
  }

 private:
  std::vector<LayerSeconds>* seconds_;
  double begin_;
};

}  // namespace stagecoach
