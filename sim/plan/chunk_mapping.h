// SPDX-License-Identifier: Apache-2.0
// Cores for a schedule that says itself which stages share one (Schedule::core_of).
#pragma once

#include "sim/plan/mapping.h"

namespace stagecoach {

/// `one_core_per_stage` and `rectangle` give every core of the schedule a core, or a rectangle of
/// them, in order; a list must let those stages share that the schedule puts together, and no
/// others. Throws MappingError when there are too few cores, UserError for another list,
/// `balanced` and split_forward_backward.
Mapping chunk_mapping(const PlanScope& scope);

}  // namespace stagecoach
