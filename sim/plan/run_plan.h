// SPDX-License-Identifier: Apache-2.0
// A whole run laid out: cut, scheduled and mapped. What a run does, what --check asks "what if" of,
// and what advice is tried with are this one function.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "models/train_spec.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/search_effort.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

/// Everything about a run but its hardware. What it points to outlives it.
struct RunToPlan {
  const Network* network = nullptr;
  const MicroBatchPlan* micro_batches = nullptr;
  TrainSpec train;
  ScheduleSpec schedule;
  Partition stages;         ///< where the workload names its cuts
  int balanced_stages = 0;  ///< not 0: so many, cut for the hardware; `stages` is not looked at
  RecomputeSpec recompute = {};    ///< of the stages that are cut for the hardware: none or all
  SearchEffort* effort = nullptr;  ///< what cutting for the hardware may cost; null: all it takes
};

/// The stages of a run on some hardware.
struct CutRun {
  std::vector<std::string> cuts;  ///< that {"balanced": K} came to; else empty
  Partition stages;
  std::unique_ptr<Schedule> schedule;
};

/// Throws UserError about the workload: see make_schedule and balanced_cuts.
CutRun cut_run(const HardwareSpec& hardware, const RunToPlan& run);

struct PlannedRun {
  CutRun cut;
  PlannedMachine machine;
  Bytes output_bytes_per_sample = 0;  ///< of the network, back to the host
};

/// Throws what cut_run and build_machine_plan throw.
PlannedRun plan_run(const HardwareSpec& hardware, const RunToPlan& run, FitCheck check);

}  // namespace stagecoach
