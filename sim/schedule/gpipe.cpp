// SPDX-License-Identifier: Apache-2.0
// `gpipe`: all forwards of the mini-batch's M micro-batches, then all backwards, one update, flush:
// 2(M+S-1) ticks of one operation each. M activation sets.
#include <algorithm>

#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class GPipe : public FlushSchedule {
 public:
  using FlushSchedule::FlushSchedule;

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  int activations_in_flight(int) const override { return micro_batches_per_batch(); }
  bool may_backward(int, const StageProgress& here) const override {
    return here.forwards >= plan().at(here.backwards).batch_end;
  }
  bool backward_first(int) const override { return false; }

 protected:
  int own_max_in_flight(int) const override { return micro_batches_per_batch(); }
};

}  // namespace

std::unique_ptr<Schedule> make_gpipe(const ScheduleSpec& spec, int stages,
                                     const MicroBatchPlan& plan) {
  return std::make_unique<GPipe>(spec, stages, plan);
}

}  // namespace stagecoach
