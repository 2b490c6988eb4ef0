// SPDX-License-Identifier: Apache-2.0
// Rules shared by the schedules.
#include "sim/schedule/schedule_base.h"

#include <algorithm>

namespace stagecoach {

int pipelined_in_flight(int stages, int stage) { return 2 * (stages - 1 - stage) + 1; }

int one_f_one_b_in_flight(int stages, int stage) { return stages - stage; }

ScheduleBase::ScheduleBase(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
    : stages_(stages),
      plan_(plan),
      micro_batches_per_batch_(static_cast<int>(plan.at(0).batch_end)),
      bounds_(spec.max_in_flight) {
  if (bounds_.size() == 1) bounds_.resize(stages, bounds_.front());
}

int ScheduleBase::max_in_flight(int stage) const {
  return user_bound() ? bounds_[stage] : own_max_in_flight(stage);
}

int ScheduleBase::activations_in_flight(int stage) const { return max_in_flight(stage); }

bool ScheduleBase::may_forward(int stage, MicroBatchId, const StageProgress& here,
                               MicroBatchId) const {
  return below_bound(stage, here);
}

bool ScheduleBase::may_backward(int, const StageProgress&) const { return true; }

bool ScheduleBase::equal_bounds() const {
  return std::all_of(bounds_.begin(), bounds_.end(), [this](int b) { return b == bounds_[0]; });
}

int ScheduleBase::within_bounds(int stage, int micro_batches) const {
  if (!user_bound()) return micro_batches;
  // A micro-batch in flight here is in flight at every stage before, too.
  const int tightest = *std::min_element(bounds_.begin(), bounds_.begin() + stage + 1);
  return std::min(micro_batches, tightest - 1);
}

int ScheduleBase::delay_in_updates(int stage, int micro_batches) const {
  return (within_bounds(stage, micro_batches) + micro_batches_per_batch_ - 1) /
         micro_batches_per_batch_;
}

int ScheduleBase::most_updates(int stage, int micro_batches) const {
  micro_batches = within_bounds(stage, micro_batches);
  if (micro_batches == 0) return 0;
  // n updates follow one micro-batch and n-1 whole mini-batches after it, of which as many as
  // possible are the short ones that end epochs.
  const std::int64_t per_epoch = plan_.batches_per_epoch();
  const std::int64_t missing = per_epoch * micro_batches_per_batch_ -
                               plan_.micro_batches_per_epoch();  // in an epoch's last mini-batch
  int updates = 1;
  while (true) {
    const std::int64_t short_ones = std::min((updates + per_epoch - 1) / per_epoch, plan_.epochs());
    if (1 + updates * std::int64_t{micro_batches_per_batch_} - short_ones * missing > micro_batches)
      break;
    ++updates;
  }
  return updates;
}

bool FlushSchedule::may_forward(int stage, MicroBatchId p, const StageProgress& here,
                                MicroBatchId pipeline_retired) const {
  if (!below_bound(stage, here)) return false;
  return stage > 0 || pipeline_retired >= plan().at(p).batch_begin;
}

}  // namespace stagecoach
