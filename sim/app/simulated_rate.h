// SPDX-License-Identifier: Apache-2.0
// The rate that a planned run reaches, from simulating its first micro-batches.
#pragma once

#include <optional>

#include "sim/plan/run_plan.h"

namespace stagecoach {

/// The first micro-batches of a run, enough of them for a steady state: the whole run where that is
/// short, else whole mini-batches or epochs. Nothing where so many would take long to simulate
/// (hundreds of stages, or mini-batches of ten thousands).
std::optional<MicroBatchPlan> beginning_of(const RunToPlan& run);

/// Cycles per full micro-batch while these are simulated: of their steady part, or of all where
/// there is none. `run` is what `planned` was made of. Throws UserError for a deadlock.
double simulated_rate(const PlannedRun& planned, const RunToPlan& run,
                      const MicroBatchPlan& beginning);

}  // namespace stagecoach
