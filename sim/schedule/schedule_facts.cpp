// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/schedule_facts.h"

#include "models/base/error.h"

namespace stagecoach {

ScheduleFacts schedule_facts(ScheduleKind kind) {
  //                                      splits_mini_batch, stashes_weights
  switch (kind) {
    case ScheduleKind::sequential:
      return {false, false};
    case ScheduleKind::fill_drain:
      return {true, false};
    case ScheduleKind::gpipe:
      return {true, false};
    case ScheduleKind::one_f_one_b_flush:
      return {true, false};
    case ScheduleKind::pipelined:
      return {false, false};
    case ScheduleKind::one_f_one_b:
      return {false, true};
    case ScheduleKind::two_buffered_weights:
      return {true, false};
    case ScheduleKind::hybrid:
      return {false, false};
    case ScheduleKind::zero_bubble:
      return {true, false};
    case ScheduleKind::interleaved_one_f_one_b:
      return {true, false};
    case ScheduleKind::zero_bubble_v:
      return {true, false};
  }
  throw ModelBug("unknown schedule kind");
}

}  // namespace stagecoach
