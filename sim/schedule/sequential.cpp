// SPDX-License-Identifier: Apache-2.0
// `sequential`: one micro-batch goes through all stages and back before the next enters; gradients
// add up over the mini-batch, one update. Alone in the pipeline, a micro-batch takes 2S-1 ticks.
#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class Sequential : public ScheduleBase {
 public:
  using ScheduleBase::ScheduleBase;

  TickForm tick_form() const override { return TickForm::forward_and_backward; }
  WeightPolicy weight_policy() const override { return WeightPolicy::current; }
  int delay(int) const override { return 0; }
  int versions_kept(int) const override { return 1; }
  bool may_forward(int stage, MicroBatchId p, const StageProgress&,
                   MicroBatchId pipeline_retired) const override {
    return stage > 0 || pipeline_retired >= p;
  }

 protected:
  int own_max_in_flight(int) const override { return 1; }
};

}  // namespace

std::unique_ptr<Schedule> make_sequential(const ScheduleSpec& spec, int stages,
                                          const MicroBatchPlan& plan) {
  return std::make_unique<Sequential>(spec, stages, plan);
}

}  // namespace stagecoach
