// SPDX-License-Identifier: Apache-2.0
// From a hardware description and a network to the machine that the simulated clock runs.
#pragma once

#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/plan/machine_plan.h"
#include "sim/plan/plan_report.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

/// What the schedule makes each of `stages` stages keep.
std::vector<StageSlots> slots_of(const Schedule& schedule, int stages,
                                 const MicroBatchPlan& micro_batches);

struct PlannedMachine {
  MachinePlan plan;
  PlanReport report;
};

/// What happens when the network does not fit the buffers.
enum class FitCheck {
  enforce,  ///< UserError that names every stage and its deficit
  report,   ///< the plan is made all the same; PlanReport::problems says what is wrong (--check)
};

/// The sentence of that error: PlanReport::problems, a line each.
std::string problems_text(const std::vector<std::string>& problems);

/// Lays the network out on the hardware: mapping, prices, messages, memory, fit, balance. Pure: no
/// clock, no randomness. Throws UserError for a mapping that cannot be made; MappingError where
/// that is for want of cores or of room for them.
PlannedMachine build_machine_plan(const HardwareSpec& hardware, const Network& network,
                                  const Partition& partition, const MicroBatchPlan& micro_batches,
                                  const Schedule& schedule, const TrainSpec& train,
                                  FitCheck check = FitCheck::enforce);

}  // namespace stagecoach
