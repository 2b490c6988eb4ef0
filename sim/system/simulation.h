// SPDX-License-Identifier: Apache-2.0
// The simulated run: takes a machine plan and a schedule, gives operations and counts. No SystemC
// in this header.
#pragma once

#include <functional>
#include <limits>

#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "sim/plan/machine_plan.h"
#include "sim/schedule/schedule.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

struct SimulationOptions {
  /// Of the network's output, which goes to the host.
  Bytes output_bytes_per_sample = 0;

  /// Gets the slices of the micro-batches [trace_from, trace_from + trace_micro_batches); null:
  /// nobody does.
  SpanSink* spans = nullptr;
  MicroBatchId trace_from = 0;
  MicroBatchId trace_micro_batches = std::numeric_limits<MicroBatchId>::max();
  /// Gets everything that changes, from the first cycle on; null: nobody does.
  WaveSink* waves = nullptr;

  /// Asked now and then whether to stop although no operation is handed over; null: nobody is.
  std::function<bool()> stops;

  /// Series of the statistics: first length of a window (it doubles when max_windows are full), and
  /// how many points of memory occupancy to keep per stage.
  Cycles window_cycles = 1;
  int max_windows = 512;
  int max_memory_points = 2000;
};

/// Runs the machine from the first micro-batch to the last, or until `sink` asks to stop;
/// operations under way are then finished, and the statistics cover the time up to there. One cycle
/// is one unit of SystemC's time. Call it again for another run; runs must not overlap. `schedule`
/// was made for plan.stages.size() stages and `micro_batches`. Throws UserError for a deadlock
/// (naming the operations that wait), ModelBug for a plan that contradicts itself, and whatever
/// `sink` throws.
RunStatistics simulate(const MachinePlan& plan, const Schedule& schedule, const ScheduleSpec& spec,
                       const MicroBatchPlan& micro_batches, OpSink& sink,
                       const SimulationOptions& options);

}  // namespace stagecoach
