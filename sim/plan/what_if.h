// SPDX-License-Identifier: Apache-2.0
// What limits a machine, asked of the machine: one field changed at a time, and the rate of the run
// that follows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/plan/run_plan.h"

namespace stagecoach {

/// A hardware file with one field twice as good (bandwidths, lanes, ports doubled, overheads
/// halved), or one switch on. Fields without limit, or at their best, are left out.
struct HardwareChange {
  std::string field;  ///< "cores[].weight_buffer.width_bytes"
  std::string step;   ///< "16 -> 32"
  HardwareSpec hardware;
};

std::vector<HardwareChange> improvements(const HardwareSpec& hardware);

/// A change and the machine with it.
struct WhatIf {
  std::string field;
  std::string step;
  double cycles_per_micro_batch = 0;
  std::string caution;  ///< what else changes, or why it may cost cycles; mostly empty
};

/// Cycles per micro-batch of a planned run: its closed form, or simulated.
using RateOf = std::function<double(const PlannedRun&)>;

/// Every improvement by itself, the most helpful first: the run is cut, mapped and planned as it
/// would be with that field in the file, and asked for its rate. What cannot be laid out with a
/// change, or does not fit any more, is left out.
std::vector<WhatIf> what_if(const HardwareSpec& hardware, const RunToPlan& run, const RateOf& rate);

/// Why a machine with a change may take longer than the one before; empty: no such reason is known.
/// The field's name tells what was changed, the plans what came of it:
///   a larger systolic array   products that do not fill it pay for its rows and columns at every
///                             fold
///   more users of the DRAM    each has a smaller share of its channel
///   any, mapping balanced     cores are shared out anew; smaller regions have narrower links,
///                             larger ones a longer way, and messages take longer
///   any, shared cores         the order of operations follows from who is ready first, and another
///                             order can be a worse one
std::string caution_of(const HardwareChange& change, const MachinePlan& before,
                       const MachinePlan& after);

/// Cores that serve the stages of a plan.
std::int64_t cores_in_use(const MachinePlan& plan);

}  // namespace stagecoach
