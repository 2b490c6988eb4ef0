// SPDX-License-Identifier: Apache-2.0
// Gives ticks their length.
#include "sim/modules/tick_controller.h"

#include <algorithm>

#include "sim/modules/clock.h"

namespace stagecoach {

TickController::TickController(sc_core::sc_module_name name, LockstepOrder& order,
                               RunControl& control, InterconnectIf& network, SampleSource& source,
                               const LossSink& loss, std::vector<StageController*> stages,
                               const MachinePlan& plan)
    : sc_module(name),
      order_(order),
      control_(control),
      network_(network),
      source_(source),
      loss_(loss),
      stages_(std::move(stages)),
      plan_(plan),
      core_free_(plan.cores.size() * kDatapaths, 0) {
  SC_METHOD(begin_tick);
  sensitive << tick_;
  dont_initialize();
  SC_METHOD(settle_tick);
  sensitive << settle_;
  dont_initialize();
  network_.on_settled([this] {
    if (open_) settle_.notify(sc_core::SC_ZERO_TIME);
  });
  tick_.notify(sc_core::SC_ZERO_TIME);
}

void TickController::begin_tick() {
  if (control_.halted()) return;
  try {
    if (!order_.next_tick(ops_)) return;
    tick_begin_ = tick_end_ = now_cycles();
    std::fill(core_free_.begin(), core_free_.end(), tick_begin_);
    if (order_.bounded()) note_held();
    for (const TickOperation& op : ops_) run_operation(op);
  } catch (...) {
    control_.fail(std::current_exception());
    return;
  }
  open_ = true;
  if (network_.unsettled() == 0) settle_.notify(sc_core::SC_ZERO_TIME);
}

void TickController::note_held() {
  for (StageController* stage : stages_) {
    switch (order_.held(stage->index())) {
      case LockstepOrder::Held::by_nothing:
        stage->note_held(tick_begin_, Obstacle::nothing);
        break;
      case LockstepOrder::Held::by_own_buffer:
        stage->note_held(tick_begin_, Obstacle::own_buffer);
        break;
      case LockstepOrder::Held::by_receiver:
        stage->note_held(tick_begin_, Obstacle::credit);
        break;
    }
  }
}

void TickController::run_operation(const TickOperation& op) {
  StageController& stage = *stages_[op.stage];
  const bool forward = op.operation == StageOperation::forward;
  if (forward && op.stage == 0) source_.fetch(tick_begin_);
  const int number = forward ? stage.plan().forward_core : stage.plan().backward_core;
  Cycles& core = core_free_[number * kDatapaths + datapath_of(plan_, number, op.operation)];
  Cycles begin = std::max(tick_begin_, core);
  // The host, or the forward of this tick on another core, may make an operation wait.
  const auto awaited = stage.next_data(op.operation, begin);
  if (awaited) begin = *awaited;
  core = stage.begin(op.operation, begin, true);
  stage.finish(op.operation, core);
  stage.note_wait(core, false);
  tick_end_ = std::max(tick_end_, core);
}

void TickController::settle_tick() {
  if (!open_) return;
  open_ = false;
  tick_end_ = std::max({tick_end_, network_.last_arrival(), loss_.last_end()});
  tick_.notify(cycles_time(tick_end_ - now_cycles()));
}

}  // namespace stagecoach
