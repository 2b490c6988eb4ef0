// SPDX-License-Identifier: Apache-2.0
// What a kind of schedule says before there is a schedule: the defaults of a workload file.
#pragma once

#include "sim/schedule/schedule.h"

namespace stagecoach {

struct ScheduleFacts {
  /// A mini-batch travels as micro-batches of one sample, unless told otherwise; else as a whole.
  bool splits_mini_batch = false;
  /// Stashes weights, unless told otherwise.
  bool stashes_weights = false;
};

ScheduleFacts schedule_facts(ScheduleKind kind);

}  // namespace stagecoach
