// SPDX-License-Identifier: Apache-2.0
// What limits a machine, asked of the machine: one field changed at a time, and the steady rate
// that follows in closed form.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/build_machine_plan.h"

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
  std::string caution;  ///< why the change may cost cycles; empty: it never does
};

/// Every improvement by itself, the most helpful first. A machine that cannot be laid out with a
/// change is left out. Two changes can cost cycles, and say so:
///   a larger systolic array   products that do not fill it pay for its rows and columns at every
///                             fold
///   any, mapping balanced     cores are shared out anew; smaller regions have narrower links,
///                             larger ones a longer way, and messages take longer
std::vector<WhatIf> what_if(const HardwareSpec& hardware, const Network& network,
                            const Partition& partition, const MicroBatchPlan& micro_batches,
                            const Schedule& schedule, const TrainSpec& train);

/// Why a machine with a change may take longer than the one before; empty: it does not. The field's
/// name tells what was changed, the plans what came of it.
std::string caution_of(const HardwareChange& change, const MachinePlan& before,
                       const MachinePlan& after);

/// Cores that serve the stages of a plan.
std::int64_t cores_in_use(const MachinePlan& plan);

}  // namespace stagecoach
