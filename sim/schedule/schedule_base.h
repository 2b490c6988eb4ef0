// SPDX-License-Identifier: Apache-2.0
// What most schedules share: the bound on micro-batches in flight, backward first, one update per
// mini-batch. A schedule overrides what makes it different.
#pragma once

#include <vector>

#include "sim/schedule/schedule.h"

namespace stagecoach {

/// Micro-batches in flight that keep a forward-and-backward pipeline full: 2(S-1-k)+1.
int pipelined_in_flight(int stages, int stage);

/// Micro-batches in flight that keep a one-forward-one-backward pipeline full: S-k.
int one_f_one_b_in_flight(int stages, int stage);

class ScheduleBase : public Schedule {
 public:
  ScheduleBase(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan);

  StageDelay stage_delay(int stage) const override {
    return {static_cast<double>(delay(stage)), 0, 0};
  }
  int max_in_flight(int stage) const override;
  int activations_in_flight(int stage) const override;
  bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                   MicroBatchId pipeline_retired) const override;
  bool may_backward(int stage, const StageProgress& here) const override;
  bool backward_first(int) const override { return true; }
  bool updates_after(MicroBatchId p) const override {
    return micro_batches_per_batch_ == 1 || plan_.at(p).last_of_batch;
  }

 protected:
  /// The schedule's own bound, when the user gave none.
  virtual int own_max_in_flight(int stage) const = 0;

  /// Delay in updates if `micro_batches` micro-batches lie between a micro-batch and the newest
  /// update that its forward sees: ceil(micro_batches / micro-batches of a full mini-batch). Inside
  /// a mini-batch of several micro-batches the delay differs. This is the delay of the first one,
  /// which is the largest; that of the last one is the floor. A bound on micro-batches in flight,
  /// here or upstream, lowers the number of micro-batches to bound - 1.
  int delay_in_updates(int stage, int micro_batches) const;

  /// The largest number of updates that `micro_batches` consecutive micro-batches can cause:
  /// ceil(micro_batches / micro-batches of a full mini-batch) if the mini-batch divides the epoch,
  /// more if short mini-batches end epochs. Bounds on micro-batches in flight lower it as above.
  int most_updates(int stage, int micro_batches) const;

  bool below_bound(int stage, const StageProgress& here) const {
    return here.in_flight() < max_in_flight(stage);
  }
  bool user_bound() const { return !bounds_.empty(); }
  /// The user's bound is the same at every stage.
  bool equal_bounds() const;

  /// A stage whose weights SpecTrain predicts: the last one, too, though its own delay is 0, unless
  /// nothing is stale anywhere.
  bool is_predicted(int stage) const {
    return delay(0) > 0 && (delay(stage) > 0 || stage + 1 == stages_);
  }

  int stages() const { return stages_; }
  const MicroBatchPlan& plan() const { return plan_; }
  /// Micro-batches of a full mini-batch.
  int micro_batches_per_batch() const { return micro_batches_per_batch_; }

 private:
  int within_bounds(int stage, int micro_batches) const;

  int stages_;
  MicroBatchPlan plan_;
  int micro_batches_per_batch_;
  std::vector<int> bounds_;  ///< from the user, one per stage; empty: none
};

/// Forward and backward of different micro-batches side by side, a micro-batch a tick: pipelined
/// backpropagation and `fill_drain`. Base: ScheduleBase or FlushSchedule. The only ones where a
/// turnaround register makes a difference.
template <class Base>
class SideBySide : public Base {
 public:
  SideBySide(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
      : Base(spec, stages, plan), turnaround_(spec.turnaround) {}

  TickForm tick_form() const override { return TickForm::forward_and_backward; }
  int turnaround() const override { return turnaround_; }
  bool backward_first(int stage) const override {
    return turnaround_ == 0 || stage + 1 < this->stages();
  }

 protected:
  int own_max_in_flight(int stage) const override {
    return pipelined_in_flight(this->stages(), stage) + turnaround_;
  }

 private:
  int turnaround_;
};

/// Delay zero: the next mini-batch enters when the one before has left.
class FlushSchedule : public ScheduleBase {
 public:
  using ScheduleBase::ScheduleBase;

  WeightPolicy weight_policy() const override { return WeightPolicy::current; }
  int delay(int) const override { return 0; }
  int versions_kept(int) const override { return 1; }
  bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                   MicroBatchId pipeline_retired) const override;
};

}  // namespace stagecoach
