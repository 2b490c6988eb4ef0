// SPDX-License-Identifier: Apache-2.0
// The figures of `--check`: what its text (check_report.h, limit_report.h) and its JSON
// (check_json.h) both tell.
#pragma once

#include <string>
#include <vector>

#include "sim/app/job.h"
#include "sim/plan/what_if.h"

namespace stagecoach {

/// One stage on the machine. Cycles are those of a full micro-batch, and of an update.
struct StageCheck {
  std::string name;
  std::string core;  ///< of its forward
  Cycles forward = 0;
  Cycles backward = 0;
  Cycles update = 0;
  int staleness = 0;            ///< closed form, in updates
  Bytes weights_and_state = 0;  ///< versions and predicted weights included
  Bytes activations = 0;        ///< of the micro-batches that the schedule lets it hold
  Bytes capacity = 0;           ///< kUnlimited<Bytes>: without limit
  std::string fit;              ///< yes, stalls, spills, NO
};

/// Needs a machine, as all below.
std::vector<StageCheck> stage_checks(const Job& job);

/// One pass of one layer.
struct PassTime {
  std::string layer;
  std::string pass;
  LayerPassCost cost;
};

/// Where a core spends a micro-batch.
struct CoreTime {
  Cycles forward = 0;
  Cycles backward = 0;
  Cycles update = 0;
  Cycles memory = 0;             ///< of these: waits for buffer ports or DRAM
  Cycles links = 0;              ///< of these: waits for links between its cores
  std::vector<PassTime> passes;  ///< the longest first
};

CoreTime core_time(const Job& job, int core);

/// What each field of the hardware would bring if it were twice as good.
struct WhatIfAnswers {
  double now = 0;  ///< cycles per micro-batch of the run as it is
  /// Micro-batches that each was simulated for; 0: these are closed forms, the best possible.
  std::int64_t simulated_micro_batches = 0;
  std::vector<WhatIf> answers;
};

/// The run as it is and with one field better, each cut, mapped and, where that is short,
/// simulated.
WhatIfAnswers what_if_answers(const Job& job);

}  // namespace stagecoach
