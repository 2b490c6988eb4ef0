// SPDX-License-Identifier: Apache-2.0
// Cuts and cores together, for mapping `balanced`, which gives cores to the stages that need them.
#pragma once

#include <vector>

#include "sim/plan/memory_needs.h"
#include "sim/plan/search_effort.h"

namespace stagecoach {

/// First layers of the stages, for the least greatest load that the chip's cores allow, and then
/// the fewest cores (of several groups: the least of the row of all cores). A stage has cores of
/// one group, and the stages of a group are neighbours; the groups stand in the best of their
/// orders (orders_of_groups). Looks at every number of cores up to 64, then at steps of a
/// twentieth. Empty if there is no core for every stage. `effort`, if given, is spent.
std::vector<int> begins_with_cores(const PlanScope& scope, int stages,
                                   const std::vector<StageSlots>& slots,
                                   SearchEffort* effort = nullptr);

}  // namespace stagecoach
