// SPDX-License-Identifier: Apache-2.0
// `fill_drain`: the ticks of pipelined backpropagation inside a mini-batch of N micro-batches, one
// update at its end, then the pipeline is empty: N+2S-2 ticks a mini-batch, one more with a
// turnaround register.
#include <algorithm>

#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class FillDrain : public SideBySide<FlushSchedule> {
 public:
  using SideBySide::SideBySide;

  bool keeps_planned_order() const override { return true; }
  int activations_in_flight(int stage) const override {
    return std::min(micro_batches_per_batch(), max_in_flight(stage));
  }
};

}  // namespace

std::unique_ptr<Schedule> make_fill_drain(const ScheduleSpec& spec, int stages,
                                          const MicroBatchPlan& plan) {
  return std::make_unique<FillDrain>(spec, stages, plan);
}

}  // namespace stagecoach
