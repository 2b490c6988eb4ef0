// SPDX-License-Identifier: Apache-2.0
// How much more searching for cuts is worth its time.
#pragma once

#include <cstdint>

#include "models/base/error.h"

namespace stagecoach {

/// Counted in looks at a run of layers as a stage (some tens of nanoseconds each), so that what is
/// found depends on no clock.
struct SearchEffort {
  std::int64_t left = 0;
};

/// Other work, in such looks: what a stage keeps in memory, and planning a stage of a machine.
constexpr std::int64_t kLooksOfNeeds = 2000, kLooksOfPlannedStage = 2000;

/// Throws UserError once all is spent. Null: there is no limit.
inline void spend(SearchEffort* effort, std::int64_t looks) {
  if (!effort) return;
  effort->left -= looks;
  if (effort->left < 0)
    throw UserError("/pipeline/partition/balanced: the search for cuts was given up");
}

}  // namespace stagecoach
