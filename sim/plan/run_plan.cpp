// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/run_plan.h"

#include "sim/plan/balanced_partition.h"
#include "sim/plan/placement.h"

namespace stagecoach {

CutRun cut_run(const HardwareSpec& hardware, const RunToPlan& run) {
  const bool balanced = run.balanced_stages > 0;
  const int stages = balanced ? run.balanced_stages : static_cast<int>(run.stages.size());
  CutRun cut;
  cut.schedule = make_schedule(run.schedule, stages, *run.micro_batches);
  if (!balanced) {
    cut.stages = run.stages;
    return cut;
  }
  cut.cuts = balanced_cuts(hardware, *run.network, run.train, *run.micro_batches, *cut.schedule,
                           stages, run.recompute.kind, run.effort);
  cut.stages = make_partition(*run.network, {PartitionKind::cuts, cut.cuts, run.recompute});
  return cut;
}

PlannedRun plan_run(const HardwareSpec& hardware, const RunToPlan& run, FitCheck check) {
  PlannedRun planned;
  planned.cut = cut_run(hardware, run);
  planned.machine = build_machine_plan(hardware, *run.network, planned.cut.stages,
                                       *run.micro_batches, *planned.cut.schedule, run.train, check);
  planned.output_bytes_per_sample = output_bytes(*run.network, hardware.elements);
  return planned;
}

}  // namespace stagecoach
