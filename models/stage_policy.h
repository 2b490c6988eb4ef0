// SPDX-License-Identifier: Apache-2.0
// What the engine must know of an order of operations to train with it.
#pragma once

#include "models/optimizer/update_rule.h"

namespace stagecoach {

/// How one stage treats its weights.
struct StagePolicy {
  StageDelay delay;
  bool stash = false;  ///< the backward reads what its forward read
  int history = 0;     ///< old versions to keep for forwards that name one
};

}  // namespace stagecoach
