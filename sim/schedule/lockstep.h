// SPDX-License-Identifier: Apache-2.0
// The papers' time: ticks without a clock. Gives the operations of a schedule tick by tick; the
// clock-free run executes them as they come, the SystemC machine gives each tick its length.
#pragma once

#include <cstdint>
#include <vector>

#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "sim/schedule/core_lists.h"
#include "sim/schedule/forward_versions.h"
#include "sim/schedule/schedule.h"
#include "sim/schedule/stage_operation.h"

namespace stagecoach {

/// The operations of a run in lockstep order.
///
/// Within a tick a stage does forward, then backward, then update (or one of forward, backward and
/// weight gradient, Schedule::tick_form). What a tick makes is visible in the next one; only the
/// last stage's backward follows its forward in the same tick (forward-and-backward form without a
/// turnaround register). Bounds
/// on micro-batches in flight hold at a forward's start, before the tick's backward frees a place.
/// `capacity_micro_batches` counts what a stage holds when a tick ends: micro-batches in flight and
/// one handed over by the stage before.
class LockstepOrder {
 public:
  /// `capacity_micro_batches`: what each stage's buffer holds (StagePlan::capacity_micro_batches);
  /// empty: no limit. `schedule` and `plan` must outlive this.
  LockstepOrder(const Schedule& schedule, const MicroBatchPlan& plan, int stages,
                std::vector<std::int64_t> capacity_micro_batches = {});

  /// Replaces `operations` by those of the next tick, stage by stage; an update is said by the
  /// backward or weight gradient that it follows. False when the run is complete (`operations` is
  /// then empty). Throws UserError when nothing can move: a buffer is too small for the schedule.
  bool next_tick(std::vector<TickOperation>& operations);

  /// Which full buffer, if any, kept a stage from a forward in the last tick given.
  enum class Held { by_nothing, by_own_buffer, by_receiver };
  Held held(int stage) const { return held_[stage]; }
  /// Some stage's buffer has a limit.
  bool bounded() const { return bounded_; }

  std::int64_t ticks() const { return ticks_; }
  /// How far stage k has come, at the end of the last tick given.
  const StageProgress& progress(int stage) const { return now_[stage]; }

 private:
  bool forward_possible(int stage) const;
  bool room_at_receiver(int stage) const;
  void note_held(int stage);
  bool backward_possible(int stage, bool forward_now) const;
  void start_forward(int stage);
  /// StageOperation::backward, or its second half, StageOperation::weight_gradient.
  void start_backward(int stage, StageOperation half);
  void start_one(int stage, bool forward);
  /// The same where the schedule lists what a core does.
  void start_listed(int stage, bool forward);
  bool complete() const;
  [[noreturn]] void report_deadlock() const;

  const Schedule& schedule_;
  const MicroBatchPlan& plan_;
  int stages_;
  std::vector<std::int64_t> capacity_;
  ForwardVersions versions_;
  CoreLists lists_;
  std::vector<StageProgress> before_;  ///< when the tick began
  std::vector<StageProgress> now_;
  bool bounded_ = false;
  std::vector<Held> held_;
  std::vector<TickOperation> reversed_;
  std::int64_t ticks_ = 0;
};

struct LockstepSummary {
  std::int64_t ticks = 0;
  std::int64_t operations = 0;  ///< handed to the sink
  bool stopped_early = false;   ///< the sink asked to stop
};

/// Hands the whole run to `sink`, in lockstep order. Same parameters and errors as LockstepOrder.
LockstepSummary run_lockstep_order(const Schedule& schedule, const MicroBatchPlan& plan, int stages,
                                   OpSink& sink,
                                   std::vector<std::int64_t> capacity_micro_batches = {});

}  // namespace stagecoach
