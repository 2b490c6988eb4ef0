// SPDX-License-Identifier: Apache-2.0
// What the schedule says about one stage's weights: how late its gradients are, what it keeps.
#pragma once

namespace stagecoach {

/// A stage's delays in updates, from the schedule's closed form (or measured).
struct StageDelay {
  double delay = 0;               ///< D: between the forward's read and the own update
  double spectrain_forward = 0;   ///< updates from the forward to the end of the round trip
  double spectrain_backward = 0;  ///< the same from the backward
};

/// How one stage treats its weights.
struct StagePolicy {
  StageDelay delay;
  bool stash = false;  ///< the backward reads what its forward read
  int history = 0;     ///< old versions to keep for forwards that name one
};

}  // namespace stagecoach
