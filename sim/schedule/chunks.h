// SPDX-License-Identifier: Apache-2.0
// Schedules over chunks: a core serves several stages that are not neighbours, in an order that the
// schedule lists. They flush: a mini-batch's last update comes before the core's next forward.
#pragma once

#include <vector>

#include "sim/schedule/schedule_base.h"

namespace stagecoach {

/// Base of the schedules that say themselves which stages share a core (Schedule::core_of) and in
/// which order a core works (Schedule::core_order).
class ChunkedFlush : public FlushSchedule {
 public:
  TickForm tick_form() const override { return TickForm::forward_or_backward; }
  bool keeps_planned_order() const override { return true; }
  int cores() const override { return static_cast<int>(cores_); }
  /// Most micro-batches between the start of their forward at this stage and the end of their
  /// backward (its second half), by the lists of full and of short mini-batches.
  int own_max_in_flight(int stage) const override {
    return in_flight_[static_cast<std::size_t>(stage)];
  }
  /// A core flushes by itself: its list of a mini-batch ends with the updates of all its stages.
  bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                   MicroBatchId) const override {
    return below_bound(stage, here) && here.retired >= plan().at(p).batch_begin;
  }

 protected:
  /// `cores`: those that the stages are dealt out to. Throws UserError if they do not come out
  /// even; `field` is the JSON pointer that the message begins with.
  ChunkedFlush(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan,
               int chunks_per_core, const std::string& field);

  /// Fills what own_max_in_flight() answers; a derived class calls it when it can list its order.
  void count_in_flight();

 private:
  int cores_;
  std::vector<int> in_flight_;  ///< by stage
};

}  // namespace stagecoach
