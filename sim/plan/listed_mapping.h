// SPDX-License-Identifier: Apache-2.0
// The mapping that a hardware file lists stage by stage.
#pragma once

#include "sim/plan/mapping.h"

namespace stagecoach {

/// Without `first_core` each stage has cores of its own, in the order of the stages. With it the
/// file says which cores: stages that name the same ones share a unit, neighbours or not, and units
/// stand in the order of their cores, groups one after the other. A group of as many cores as
/// needed then reaches to the last one named. Throws UserError when the list does not name every
/// stage once, MappingError when there are too few cores.
Mapping listed_mapping(const PlanScope& scope);

}  // namespace stagecoach
