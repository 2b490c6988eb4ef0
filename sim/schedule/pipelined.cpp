// SPDX-License-Identifier: Apache-2.0
// `pipelined` (pipelined backpropagation): a micro-batch enters every tick; a stage does the
// forward of one and the backward of another and updates at once. Delay 2(S-1-k), N+2S-2 ticks for
// N micro-batches; with a turnaround register both are one more.
#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

class Pipelined : public SideBySide<ScheduleBase> {
 public:
  Pipelined(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
      : SideBySide(spec, stages, plan), stashing_(spec.weight_stashing) {}

  WeightPolicy weight_policy() const override {
    return stashing_ ? WeightPolicy::stashed : WeightPolicy::current;
  }
  int delay(int stage) const override {
    return delay_in_updates(stage, own_max_in_flight(stage) - 1);
  }
  StageDelay stage_delay(int stage) const override {
    StageDelay d = ScheduleBase::stage_delay(stage);
    if (!is_predicted(stage)) return d;
    d.spectrain_forward = 2 * (stages() - 1) - stage + turnaround();
    d.spectrain_backward = stage;
    return d;
  }
  int versions_kept(int stage) const override {
    return stashing_ ? most_updates(stage, own_max_in_flight(stage) - 1) + 1 : 1;
  }

 private:
  bool stashing_;
};

/// `hybrid`: pipelined up to a micro-batch, drained, then one micro-batch at a time.
class Hybrid : public Pipelined {
 public:
  Hybrid(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
      : Pipelined(spec, stages, plan), switch_micro_batch_(spec.switch_micro_batch) {}

  bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                   MicroBatchId pipeline_retired) const override {
    if (!Pipelined::may_forward(stage, p, here, pipeline_retired)) return false;
    return stage > 0 || p < switch_micro_batch_ || pipeline_retired >= p;
  }

 private:
  MicroBatchId switch_micro_batch_;
};

}  // namespace

std::unique_ptr<Schedule> make_pipelined(const ScheduleSpec& spec, int stages,
                                         const MicroBatchPlan& plan) {
  return std::make_unique<Pipelined>(spec, stages, plan);
}

std::unique_ptr<Schedule> make_hybrid(const ScheduleSpec& spec, int stages,
                                      const MicroBatchPlan& plan) {
  return std::make_unique<Hybrid>(spec, stages, plan);
}

}  // namespace stagecoach
