// SPDX-License-Identifier: Apache-2.0
// Ticks of a schedule.
#include "sim/schedule/lockstep.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"

namespace stagecoach {

LockstepOrder::LockstepOrder(const Schedule& schedule, const MicroBatchPlan& plan, int stages,
                             std::vector<std::int64_t> capacity_micro_batches)
    : schedule_(schedule),
      plan_(plan),
      stages_(stages),
      capacity_(std::move(capacity_micro_batches)),
      versions_(schedule, plan),
      lists_(schedule, plan),
      before_(stages),
      now_(stages),
      held_(stages, Held::by_nothing) {
  if (capacity_.empty()) capacity_.assign(stages, std::numeric_limits<std::int64_t>::max());
  if (capacity_.size() != static_cast<std::size_t>(stages)) {
    throw ModelBug("lockstep: one capacity per stage expected");
  }
  for (const std::int64_t micro_batches : capacity_) {
    bounded_ = bounded_ || micro_batches != std::numeric_limits<std::int64_t>::max();
  }
}

bool LockstepOrder::forward_possible(int k) const {
  const StageProgress& here = before_[k];
  const MicroBatchId p = here.forwards;
  if (p >= (k == 0 ? plan_.micro_batches() : before_[k - 1].forwards)) return false;
  if (k == 0 && here.in_flight() >= capacity_[0]) return false;
  return room_at_receiver(k) && schedule_.may_forward(k, p, here, before_[0].retired);
}

bool LockstepOrder::room_at_receiver(int k) const {
  // Stages are decided from the last to the first: what the next one does now is known.
  return k + 1 == stages_ || now_[k].forwards + 1 - now_[k + 1].retired <= capacity_[k + 1];
}

void LockstepOrder::note_held(int k) {
  const StageProgress& here = before_[k];
  const MicroBatchId made = k == 0 ? plan_.micro_batches() : before_[k - 1].forwards;
  if (here.forwards >= made) return;
  if (k == 0 && here.in_flight() >= capacity_[0]) held_[0] = Held::by_own_buffer;
  if (room_at_receiver(k)) return;
  held_[k] = Held::by_receiver;
  // What would come next is what the receiver waits for, if it has nothing else.
  const bool has_input = before_[k + 1].forwards < here.forwards;
  if (!has_input && held_[k + 1] == Held::by_nothing) held_[k + 1] = Held::by_own_buffer;
}

bool LockstepOrder::backward_possible(int k, bool forward_now) const {
  const StageProgress& here = before_[k];
  const MicroBatchId p = here.backwards;
  const bool same_tick = schedule_.tick_form() == TickForm::forward_and_backward &&
                         schedule_.turnaround() == 0 && forward_now;
  if (p >= here.forwards + (k + 1 == stages_ && same_tick ? 1 : 0)) return false;
  if (k + 1 < stages_ && p >= before_[k + 1].backwards) return false;
  return schedule_.may_backward(k, now_[k]);
}

void LockstepOrder::start_forward(int k) {
  TickOperation op;
  op.micro_batch = now_[k].start_forward();
  op.stage = k;
  // A forward comes first in its tick.
  op.version = versions_.named(k, op.micro_batch, before_[k].updates);
  reversed_.push_back(op);
}

void LockstepOrder::start_backward(int k, StageOperation half) {
  const bool apart = half == StageOperation::weight_gradient;
  TickOperation op;
  op.micro_batch = apart ? now_[k].start_weight_gradient() : now_[k].start_backward();
  op.stage = k;
  op.operation = half;
  if (apart || !schedule_.splits_backward()) {
    now_[k].retire();
    op.update_follows = schedule_.updates_after(op.micro_batch);
    if (op.update_follows) ++now_[k].updates;
  }
  reversed_.push_back(op);
}

void LockstepOrder::start_one(int k, bool forward) {
  if (backward_possible(k, false) && (schedule_.backward_first(k) || !forward)) {
    start_backward(k, StageOperation::backward);
  } else if (forward) {
    start_forward(k);
  } else if (schedule_.splits_backward() && before_[k].weight_gradients < before_[k].backwards) {
    start_backward(k, StageOperation::weight_gradient);
  }
}

void LockstepOrder::start_listed(int k, bool forward) {
  const StageProgress& here = before_[k];
  if (lists_.is_next(k, StageOperation::forward)) {
    if (!forward) return;
    start_forward(k);
  } else if (lists_.is_next(k, StageOperation::backward)) {
    if (!backward_possible(k, false)) return;
    start_backward(k, StageOperation::backward);
  } else if (lists_.is_next(k, StageOperation::weight_gradient)) {
    if (here.weight_gradients == here.backwards) return;
    start_backward(k, StageOperation::weight_gradient);
  } else {
    return;
  }
  lists_.advance(k);
}

bool LockstepOrder::complete() const {
  // Stage 0 is the last to end, unless weight gradients wait elsewhere.
  return std::all_of(now_.begin(), now_.end(),
                     [this](const StageProgress& s) { return s.retired == plan_.micro_batches(); });
}

bool LockstepOrder::next_tick(std::vector<TickOperation>& operations) {
  operations.clear();
  if (complete()) return false;
  before_ = now_;
  reversed_.clear();
  lists_.begin_tick();
  const bool one_operation = schedule_.tick_form() == TickForm::forward_or_backward;
  for (int k = stages_ - 1; k >= 0; --k) {
    const bool forward = forward_possible(k);
    held_[k] = Held::by_nothing;
    if (bounded_ && !forward) note_held(k);
    if (lists_.present()) {
      start_listed(k, forward);
      continue;
    }
    if (one_operation) {
      start_one(k, forward);
      continue;
    }
    // The backward comes second in time, so first in this reversed list.
    if (forward) ++now_[k].forwards;
    const bool backward = backward_possible(k, forward);
    if (forward) --now_[k].forwards;
    if (backward) start_backward(k, StageOperation::backward);
    if (forward) start_forward(k);
  }
  if (reversed_.empty()) report_deadlock();
  operations.assign(reversed_.rbegin(), reversed_.rend());
  ++ticks_;
  return true;
}

void LockstepOrder::report_deadlock() const {
  std::string text = "deadlock in tick " + std::to_string(ticks_) + ": no stage can go on. ";
  for (int k = 0; k < stages_; ++k) {
    const StageProgress& s = now_[k];
    if (k > 0) text += "; ";
    text += "stage " + std::to_string(k) + " holds " + std::to_string(s.in_flight());
    if (capacity_[k] != std::numeric_limits<std::int64_t>::max()) {
      text += " of " + std::to_string(capacity_[k]) + " micro-batches";
    }
    text += " and waits with forward of micro-batch " + std::to_string(s.forwards) +
            " and backward of micro-batch " + std::to_string(s.backwards);
  }
  throw UserError(text +
                  ". A buffer is too small for the schedule: enlarge it, use smaller or "
                  "fewer micro-batches, or another schedule");
}

LockstepSummary run_lockstep_order(const Schedule& schedule, const MicroBatchPlan& plan, int stages,
                                   OpSink& sink, std::vector<std::int64_t> capacity_micro_batches) {
  LockstepOrder order(schedule, plan, stages, std::move(capacity_micro_batches));
  LockstepSummary summary;
  std::vector<TickOperation> operations;
  while (order.next_tick(operations)) {
    for (const TickOperation& operation : operations) {
      const std::optional<Op> op = handed_over(operation);
      if (!op) continue;
      ++summary.operations;
      if (!sink.emit(*op)) {
        summary.stopped_early = true;
        summary.ticks = order.ticks();
        return summary;
      }
    }
  }
  summary.ticks = order.ticks();
  return summary;
}

}  // namespace stagecoach
