// SPDX-License-Identifier: Apache-2.0
// How long every layer's kernels take on this computer.
#pragma once

#include <vector>

#include "models/base/host_clock.h"

namespace stagecoach {

/// Time that a layer's kernels have taken so far, in seconds; a fused update counts as backward.
struct LayerSeconds {
  double forward = 0;
  double backward = 0;
};

/// Takes a layer's time, if anybody asks. A layer belongs to one stage: no two threads meet here.
class LayerClock {
 public:
  /// `seconds`: one per layer of the network; null: nobody asks.
  explicit LayerClock(std::vector<LayerSeconds>* seconds)
      : seconds_(seconds), begin_(seconds ? wall_seconds() : 0) {}
  void add(int layer, double LayerSeconds::*pass) const {
    if (seconds_) (*seconds_)[layer].*pass += wall_seconds() - begin_;
  }

 private:
  std::vector<LayerSeconds>* seconds_;
  double begin_;
};

}  // namespace stagecoach
