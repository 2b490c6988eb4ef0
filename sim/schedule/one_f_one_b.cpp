// SPDX-License-Identifier: Apache-2.0
// `one_f_one_b` (PipeDream): forwards and backwards alternate, no flush, 2(N+S-1) ticks of one
// operation for N packets. Delay S-1-k; with vertical sync, where a packet meets at every stage the
// version that stage 0 had when it entered, S-1 everywhere.
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
  OneForwardOneBackward(const ScheduleSpec& spec, int stages, const PacketPlan& plan)
      : ScheduleBase(spec, stages, plan), policy_(policy_of(spec)) {}

  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  WeightPolicy weight_policy() const override { return policy_; }
  int delay(int stage) const override {
    const int reader = policy_ == WeightPolicy::vertical_sync ? 0 : stage;
    return delay_in_updates(reader, one_f_one_b_in_flight(stages(), reader) - 1);
  }
  /// Stashed: what packets in flight have read, S-k. Vertical sync: also what packets still
  /// upstream will read, S at every stage.
  int versions_kept(int stage) const override {
    if (policy_ == WeightPolicy::current) return 1;
    const int reader = policy_ == WeightPolicy::vertical_sync ? 0 : stage;
    return most_updates(reader, one_f_one_b_in_flight(stages(), reader) - 1) + 1;
  }

 protected:
  int own_max_in_flight(int stage) const override { return one_f_one_b_in_flight(stages(), stage); }

 private:
  WeightPolicy policy_;
};

}  // namespace

std::unique_ptr<Schedule> make_one_f_one_b(const ScheduleSpec& spec, int stages,
                                           const PacketPlan& plan) {
  return std::make_unique<OneForwardOneBackward>(spec, stages, plan);
}

}  // namespace stagecoach
