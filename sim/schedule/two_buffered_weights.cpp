// SPDX-License-Identifier: Apache-2.0
// `two_buffered_weights` (PipeDream-2BW): the ticks of `one_f_one_b`; gradients add up over the
// mini-batch; a micro-batch of mini-batch b reads version max(b-1, 0) in both passes. Delay 1, two
// versions. A mini-batch of fewer than S-1 micro-batches waits for that version to exist.
#include <algorithm>

#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class TwoBufferedWeights : public ScheduleBase {
 public:
  using ScheduleBase::ScheduleBase;

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  WeightPolicy weight_policy() const override { return WeightPolicy::double_buffered; }
  int delay(int) const override { return 1; }
  int versions_kept(int) const override { return 2; }
  int activations_in_flight(int stage) const override {
    // Micro-batches of at most two mini-batches are in flight: the gate below.
    return std::min(2 * micro_batches_per_batch(), max_in_flight(stage));
  }
  bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                   MicroBatchId) const override {
    return below_bound(stage, here) && here.updates >= plan().at(p).batch - 1;
  }

 protected:
  int own_max_in_flight(int stage) const override { return one_f_one_b_in_flight(stages(), stage); }
};

}  // namespace

std::unique_ptr<Schedule> make_two_buffered_weights(const ScheduleSpec& spec, int stages,
                                                    const MicroBatchPlan& plan) {
  return std::make_unique<TwoBufferedWeights>(spec, stages, plan);
}

}  // namespace stagecoach
