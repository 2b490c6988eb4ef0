// SPDX-License-Identifier: Apache-2.0
// Cuts and cores together, for mapping `balanced`, which gives cores to the stages that need them.
#pragma once

#include <vector>

#include "sim/plan/memory_needs.h"
#include "sim/plan/search_effort.h"

namespace stagecoach {

/// First layers of the stages, for the least greatest load that the chip's cores allow, and then
/// the fewest cores. Looks at every number of cores up to 64, then at steps of a twentieth. Empty
/// if there is no core for every stage. `effort`, if given, is spent.
std::vector<int> begins_with_cores(const PlanScope& scope, int stages,
                                   const std::vector<StageSlots>& slots,
                                   SearchEffort* effort = nullptr);

}  // namespace stagecoach
