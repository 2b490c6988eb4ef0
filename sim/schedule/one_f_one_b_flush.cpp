// SPDX-License-Identifier: Apache-2.0
// `one_f_one_b_flush` (DAPPLE, PipeDream-Flush): backwards as early as possible, one update, flush:
// the ticks of `gpipe`, 2(M+S-1), with min(M, S-k) activation sets instead of M.
#include <algorithm>

#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class OneForwardOneBackwardFlush : public FlushSchedule {
 public:
  using FlushSchedule::FlushSchedule;

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  bool keeps_planned_order() const override { return true; }
  int activations_in_flight(int stage) const override {
    return std::min(micro_batches_per_batch(), max_in_flight(stage));
  }

 protected:
  int own_max_in_flight(int stage) const override { return one_f_one_b_in_flight(stages(), stage); }
};

}  // namespace

std::unique_ptr<Schedule> make_one_f_one_b_flush(const ScheduleSpec& spec, int stages,
                                                 const MicroBatchPlan& plan) {
  return std::make_unique<OneForwardOneBackwardFlush>(spec, stages, plan);
}

}  // namespace stagecoach
