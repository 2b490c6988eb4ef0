// SPDX-License-Identifier: Apache-2.0
// `zero_bubble` ("Zero Bubble Pipeline Parallelism", ICLR 2024): one_f_one_b_flush with the
// backward split in two. The stage before waits for the gradient of the input only; the gradient of
// the weights fills what would be idle. An update still follows a whole mini-batch: delay 0.
//
// Two bounds make it: B micro-batches may be in flight at every stage (forward to weight gradient),
// S unless max_in_flight says otherwise, and of these at most min(2(S-k)-1, B-k) await their
// backward. With operations of one tick each, M >= S micro-batches take 3M+S-1 ticks (ZB-H1). B =
// 2S-1 makes ZB-H2: a stage starts the next mini-batch while others end the last one, and n
// mini-batches take 3nM+S-1 ticks for M >= 2S-1.
#include <algorithm>

#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class ZeroBubble : public FlushSchedule {
 public:
  using FlushSchedule::FlushSchedule;

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  bool splits_backward() const override { return true; }
  bool backward_first(int) const override { return false; }
  int activations_in_flight(int stage) const override {
    return std::min(micro_batches_per_batch(), max_in_flight(stage));
  }
  bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                   MicroBatchId) const override {
    // A stage flushes by itself: only its own weights must be those of the mini-batch.
    return below_bound(stage, here) && here.retired >= plan().at(p).batch_begin &&
           here.forwards - here.backwards < awaiting_backward(stage);
  }

 protected:
  int own_max_in_flight(int) const override { return stages(); }

 private:
  int awaiting_backward(int stage) const {
    return std::max(1,
                    std::min(pipelined_in_flight(stages(), stage), max_in_flight(stage) - stage));
  }
};

}  // namespace

std::unique_ptr<Schedule> make_zero_bubble(const ScheduleSpec& spec, int stages,
                                           const MicroBatchPlan& plan) {
  return std::make_unique<ZeroBubble>(spec, stages, plan);
}

}  // namespace stagecoach
