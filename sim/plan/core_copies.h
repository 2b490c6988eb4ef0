// SPDX-License-Identifier: Apache-2.0
// Messages that cores copy themselves, through the host's memory.
#pragma once

#include "sim/plan/machine_plan.h"

namespace stagecoach {

/// Where transfers block the cores (InterconnectPlan::blocks_cores): adds to every forward and
/// backward the copies that its core makes and waits for. Each message from another core is copied
/// in before the operation, each message to another core out after it; a copy takes
/// hop_latency_cycles + ceil(bytes / link_bytes_per_cycle). So each tensor crosses the bus twice,
/// at its sender's cost and at its receiver's. Bytes and cycles count as the stage's region links
/// do. Other interconnects are left alone.
void charge_copies(MachinePlan& plan);

}  // namespace stagecoach
