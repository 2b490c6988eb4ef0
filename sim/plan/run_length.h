// SPDX-License-Identifier: Apache-2.0
// Whether the simulated clock can count a whole run.
#pragma once

#include <string>

#include "models/micro_batch_plan.h"
#include "sim/plan/machine_plan.h"

namespace stagecoach {

/// The clock counts to 2^63; a run must stay below half of that.
constexpr double kMostCycles = 4.6e18;

/// Empty if a run of `micro_batches` can be counted even if nothing in it overlapped; else a
/// sentence with its length and the part of the machine that takes most of it.
std::string run_too_long(const MachinePlan& plan, const MicroBatchPlan& micro_batches);

}  // namespace stagecoach
