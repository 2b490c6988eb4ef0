// SPDX-License-Identifier: Apache-2.0
// Inference: every micro-batch goes forward through the stages and is gone. Not a word of
// pipeline.schedule: a run is made so by --forward-only.
#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class ForwardOnly : public ScheduleBase {
 public:
  using ScheduleBase::ScheduleBase;

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  WeightPolicy weight_policy() const override { return WeightPolicy::current; }
  int delay(int) const override { return 0; }
  int versions_kept(int) const override { return 1; }
  bool may_backward(int, const StageProgress&) const override { return false; }
  bool backward_first(int) const override { return false; }
  bool forward_only() const override { return true; }
  bool updates_after(MicroBatchId) const override { return false; }

 protected:
  /// A stage keeps nothing of a micro-batch once its forward is over.
  int own_max_in_flight(int) const override { return 1; }
};

}  // namespace

std::unique_ptr<Schedule> make_forward_only(const ScheduleSpec& spec, int stages,
                                            const MicroBatchPlan& plan) {
  return std::make_unique<ForwardOnly>(spec, stages, plan);
}

}  // namespace stagecoach
