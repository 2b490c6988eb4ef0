// SPDX-License-Identifier: Apache-2.0
// Where cores stand, and what the links between them are.
#pragma once

#include "sim/plan/mapping.h"

namespace stagecoach {

/// Cores of the plan, one per unit, with their place on the mesh: a serpentine through the grid, so
/// that neighbouring stages are neighbours; a unit of several cores is entered in its middle.
/// Throws UserError when the grid is too small.
std::vector<CorePlan> place_cores(const HardwareSpec& hardware, const Mapping& mapping);

/// The interconnect as the machine sees it. With regions as nodes, a link between two regions is as
/// wide as the shorter of their edges is long. All links of a plan have one width: the one that
/// keeps the total transfer time of all messages (their harmonic mean, weighted by bytes); a hop is
/// as long as the mean edge.
InterconnectPlan plan_interconnect(const HardwareSpec& hardware, const Mapping& mapping,
                                   const std::vector<StagePlan>& stages);

HostPlan plan_host(const HardwareSpec& hardware);

}  // namespace stagecoach
