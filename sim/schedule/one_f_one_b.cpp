// SPDX-License-Identifier: Apache-2.0
// `one_f_one_b` (PipeDream): forwards and backwards alternate, no flush, 2(N+S-1) ticks of one
// operation for N micro-batches. Delay S-1-k; with vertical sync, where a micro-batch meets at
// every stage the version that stage 0 had when it entered, S-1 everywhere. A max_in_flight of B at
// every stage that lifts the schedule's own S-k lifts the delay to min(B-1-k, 2(S-1-k)); one that
// lowers it, to B-1.
#include <algorithm>

#include "sim/schedule/kinds.h"
#include "sim/schedule/schedule_base.h"

namespace stagecoach {
namespace {

WeightPolicy policy_of(const ScheduleSpec& spec) {
  if (spec.vertical_sync) return WeightPolicy::vertical_sync;
  return spec.weight_stashing ? WeightPolicy::stashed : WeightPolicy::current;
}

class OneForwardOneBackward : public ScheduleBase {
 public:
  OneForwardOneBackward(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
      : ScheduleBase(spec, stages, plan), policy_(policy_of(spec)) {}

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  WeightPolicy weight_policy() const override { return policy_; }
  int delay(int stage) const override {
    const int reader = policy_ == WeightPolicy::vertical_sync ? 0 : stage;
    return delay_in_updates(reader, micro_batches_between(reader));
  }
  StageDelay stage_delay(int stage) const override {
    StageDelay d = ScheduleBase::stage_delay(stage);
    if (!is_predicted(stage)) return d;
    d.spectrain_backward = stage / 2;
    d.spectrain_forward = stage / 2 + stages() - 1 - stage;
    return d;
  }
  /// Stashed: what micro-batches in flight have read, S-k. Vertical sync: also what micro-batches
  /// still upstream will read, S at every stage.
  int versions_kept(int stage) const override {
    if (policy_ == WeightPolicy::current) return 1;
    const int reader = policy_ == WeightPolicy::vertical_sync ? 0 : stage;
    return most_updates(reader, micro_batches_between(reader)) + 1;
  }

 protected:
  int own_max_in_flight(int stage) const override { return one_f_one_b_in_flight(stages(), stage); }

 private:
  /// Backwards of a stage between a micro-batch's forward and its own backward, before bounds lower
  /// it.
  int micro_batches_between(int stage) const {
    const int own = one_f_one_b_in_flight(stages(), stage) - 1;
    const int most = pipelined_in_flight(stages(), stage) - 1;
    if (!user_bound() || most == 0) return own;
    // Where bounds differ a stage with few places holds micro-batches back: as many as the bounds
    // allow.
    if (!equal_bounds()) return kUnlimited;
    return std::max(own, std::min(max_in_flight(0) - 1 - stage, most));
  }

  WeightPolicy policy_;
};

}  // namespace

std::unique_ptr<Schedule> make_one_f_one_b(const ScheduleSpec& spec, int stages,
                                           const MicroBatchPlan& plan) {
  return std::make_unique<OneForwardOneBackward>(spec, stages, plan);
}

}  // namespace stagecoach
