// SPDX-License-Identifier: Apache-2.0
// Everything that a run needs, read, checked and fitted together before time zero.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/data/dataset.h"
#include "models/engine_door.h"
#include "models/micro_batch_plan.h"
#include "models/trainer.h"
#include "sim/config/options.h"
#include "sim/config/workload_config.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/plan/advice.h"
#include "sim/plan/run_plan.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

struct Job {
  const EngineDoor* engine = nullptr;  ///< what reads the data and computes; never null
  HardwareSpec hardware;
  std::string hardware_sha256;
  WorkloadConfig workload;
  std::string workload_sha256;
  std::unique_ptr<Dataset> data;  ///< null with --timing-only where the file says how many samples
  std::unique_ptr<MicroBatchPlan> micro_batches;
  std::unique_ptr<Schedule> schedule;
  std::optional<PlannedMachine> machine;  ///< none for a replay: it simulates no hardware
  std::vector<Advice> advice;             ///< where the network does not fit: what would help

  bool forward_only() const { return workload.schedule.forward_only; }
  int stages() const { return static_cast<int>(workload.stages.size()); }
};

/// Reads both files with the command line's overrides, loads the data, lays the network out. Throws
/// UserError with everything that is wrong. `fit`: whether a network that does not fit is an error;
/// for a replay it need not fit.
Job load_job(const Options& options, FitCheck fit);

/// What plan_run takes. Refers to the job, which must outlive it.
RunToPlan run_to_plan(const Job& job);

/// The trainer's settings for a job: delays of every stage in closed form, weight versions to keep.
TrainerOptions trainer_options(const Job& job, const Options& options);

/// Worker threads: --threads, or as many as the machine has.
int thread_count(const Options& options);

/// Closed-form delays of all stages; none in inference.
std::vector<int> closed_form_delays(const Job& job);

}  // namespace stagecoach
