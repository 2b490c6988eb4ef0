// SPDX-License-Identifier: Apache-2.0
// Builds the machine in a kernel of its own and runs it.
#include "sim/system/simulation.h"

#include "sim/system/accelerator.h"
#include "sim/system/kernel_scope.h"

namespace stagecoach {

RunStatistics simulate(const MachinePlan& plan, const Schedule& schedule, const ScheduleSpec& spec,
                       const MicroBatchPlan& micro_batches, OpSink& sink,
                       const SimulationOptions& options) {
  KernelScope kernel;
  Accelerator accelerator("accelerator", plan, schedule, spec.pacing, micro_batches, sink, options);
  sc_core::sc_start();
  accelerator.check();
  return accelerator.report();
}

}  // namespace stagecoach
