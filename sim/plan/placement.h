// SPDX-License-Identifier: Apache-2.0
// Where cores stand, and what the links between them are.
#pragma once

#include "sim/plan/machine_plan.h"
#include "sim/plan/mapping.h"

namespace stagecoach {

/// Cores of the plan, one per unit, with their place on the mesh: a serpentine through the grid, so
/// that neighbouring stages are neighbours; a unit of several cores is entered in its middle.
/// Throws MappingError when the grid is too small.
std::vector<CorePlan> place_cores(const HardwareSpec& hardware, const Mapping& mapping);

/// The interconnect as the machine sees it: the grid, and one link. Nodes that are regions of cores
/// have as many links as their edges are long (CorePlan::edge).
InterconnectPlan plan_interconnect(const HardwareSpec& hardware, const Mapping& mapping);

/// The channel to DRAM, where it is simulated; nothing where it is priced in equal shares.
/// Layers that stream ask ahead, which hides its latency.
std::optional<DramPlan> plan_dram(const HardwareSpec& hardware, bool forward_only);

HostPlan plan_host(const HardwareSpec& hardware);

/// Bytes of the network's output, per sample: what goes back to the host.
Bytes output_bytes(const Network& network, const ElementSpec& elements);

}  // namespace stagecoach
