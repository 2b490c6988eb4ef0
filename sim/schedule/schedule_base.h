// SPDX-License-Identifier: Apache-2.0
// What most schedules share: the bound on packets in flight, backward first, one update per
// mini-batch. A schedule overrides what makes it different.
#pragma once

#include <vector>

#include "sim/schedule/schedule.h"

namespace stagecoach {

/// Packets in flight that keep a forward-and-backward pipeline full: 2(S-1-k)+1.
int pipelined_in_flight(int stages, int stage);

/// Packets in flight that keep a one-forward-one-backward pipeline full: S-k.
int one_f_one_b_in_flight(int stages, int stage);

class ScheduleBase : public Schedule {
 public:
  ScheduleBase(const ScheduleSpec& spec, int stages, const PacketPlan& plan);

  int max_in_flight(int stage) const override;
  int activations_in_flight(int stage) const override;
  bool may_forward(int stage, PacketId p, const StageProgress& here,
                   PacketId pipeline_retired) const override;
  bool may_backward(int stage, const StageProgress& here) const override;
  bool backward_first() const override { return true; }
  bool updates_after(PacketId p) const override { return plan_.at(p).last_of_batch; }

 protected:
  /// The schedule's own bound, when the user gave none.
  virtual int own_max_in_flight(int stage) const = 0;

  /// Delay in updates when `packets` packets stand between a packet and the newest update that its
  /// forward sees: ceil(packets / packets of a full mini-batch). With several packets a mini-batch
  /// the delay differs inside it; this is its first packet's, the largest, and the last packet's is
  /// the floor. A bound on packets in flight, here or upstream, lowers it to bound - 1.
  int delay_in_updates(int stage, int packets) const;

  /// Updates that `packets` packets in a row can cause, at most: ceil(packets / packets of a full
  /// mini-batch) where the mini-batch divides the epoch, more where short ones end epochs. Bounds
  /// on packets in flight lower it as above.
  int most_updates(int stage, int packets) const;

  bool below_bound(int stage, const StageProgress& here) const {
    return here.forwards - here.retired < max_in_flight(stage);
  }
  bool user_bound() const { return !bounds_.empty(); }
  /// The user's bound is the same at every stage.
  bool equal_bounds() const;

  int stages() const { return stages_; }
  const PacketPlan& plan() const { return plan_; }
  /// Packets of a full mini-batch.
  int packets_per_batch() const { return packets_per_batch_; }

 private:
  int within_bounds(int stage, int packets) const;

  int stages_;
  PacketPlan plan_;
  int packets_per_batch_;
  std::vector<int> bounds_;  ///< from the user, one per stage; empty: none
};

/// Delay zero: the next mini-batch enters when the one before has left.
class FlushSchedule : public ScheduleBase {
 public:
  using ScheduleBase::ScheduleBase;

  WeightPolicy weight_policy() const override { return WeightPolicy::current; }
  int delay(int) const override { return 0; }
  int versions_kept(int) const override { return 1; }
  bool may_forward(int stage, PacketId p, const StageProgress& here,
                   PacketId pipeline_retired) const override;
};

}  // namespace stagecoach
