// SPDX-License-Identifier: Apache-2.0
// Rules shared by the schedules.
#include "sim/schedule/schedule_base.h"

#include <algorithm>

namespace stagecoach {

int pipelined_in_flight(int stages, int stage) { return 2 * (stages - 1 - stage) + 1; }

int one_f_one_b_in_flight(int stages, int stage) { return stages - stage; }

ScheduleBase::ScheduleBase(const ScheduleSpec& spec, int stages, const PacketPlan& plan)
    : stages_(stages),
      plan_(plan),
      packets_per_batch_(static_cast<int>(plan.at(0).batch_end)),
      bounds_(spec.max_in_flight) {
  if (bounds_.size() == 1) bounds_.resize(stages, bounds_.front());
}

int ScheduleBase::max_in_flight(int stage) const {
  return user_bound() ? bounds_[stage] : own_max_in_flight(stage);
}

int ScheduleBase::activations_in_flight(int stage) const { return max_in_flight(stage); }

bool ScheduleBase::may_forward(int stage, PacketId, const StageProgress& here, PacketId) const {
  return below_bound(stage, here);
}

bool ScheduleBase::may_backward(int, const StageProgress&) const { return true; }

int ScheduleBase::delay_in_updates(int stage, int packets) const {
  // A packet in flight here is in flight at every stage before, too.
  if (user_bound()) {
    const int tightest = *std::min_element(bounds_.begin(), bounds_.begin() + stage + 1);
    packets = std::min(packets, tightest - 1);
  }
  return (packets + packets_per_batch_ - 1) / packets_per_batch_;
}

bool FlushSchedule::may_forward(int stage, PacketId p, const StageProgress& here,
                                PacketId pipeline_retired) const {
  if (!below_bound(stage, here)) return false;
  return stage > 0 || pipeline_retired >= plan().at(p).batch_begin;
}

}  // namespace stagecoach
