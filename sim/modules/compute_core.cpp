// SPDX-License-Identifier: Apache-2.0
// Picks and runs operations.
#include "sim/modules/compute_core.h"

#include <algorithm>

#include "sim/modules/clock.h"

namespace stagecoach {

ComputeCore::ComputeCore(sc_core::sc_module_name name, RunControl& control, Pacing pacing,
                         bool backward_first)
    : sc_module(name), control_(control), pacing_(pacing), backward_first_(backward_first) {
  SC_METHOD(complete);
  sensitive << complete_;
  dont_initialize();
  SC_METHOD(look);
  sensitive << look_;
  dont_initialize();
  SC_METHOD(decide);
  sensitive << decide_;
  dont_initialize();
}

void ComputeCore::host(StageController& stage, Pass direction, bool both_directions) {
  slots_.push_back(Slot{&stage, direction, both_directions});
  const Pass first = backward_first_ ? Pass::backward : Pass::forward;
  std::stable_sort(slots_.begin(), slots_.end(), [first](const Slot& a, const Slot& b) {
    if (a.direction != b.direction) return a.direction == first;
    return a.stage->index() > b.stage->index();
  });
  if (std::find(stages_.begin(), stages_.end(), &stage) == stages_.end()) {
    stages_.push_back(&stage);
  }
}

void ComputeCore::wake_at(Cycles time) {
  // In lockstep somebody else decides. A busy core looks when it is done.
  if (busy_ || pacing_ == Pacing::lockstep) return;
  const Cycles now = now_cycles();
  if (time <= now) {
    decide_.notify(sc_core::SC_ZERO_TIME);
  } else {
    look_.notify(cycles_time(time - now));
  }
}

void ComputeCore::look() { decide_.notify(sc_core::SC_ZERO_TIME); }

void ComputeCore::complete() {
  const Slot& slot = *running_;
  busy_ = false;
  if (slot.direction == Pass::backward) slot.stage->finish_backward(now_cycles());
  decide_.notify(sc_core::SC_ZERO_TIME);
}

void ComputeCore::decide() {
  if (busy_ || control_.halted()) return;
  const Cycles now = now_cycles();
  try {
    for (const Slot& slot : slots_) {
      const Obstacle obstacle = slot.direction == Pass::forward
                                    ? slot.stage->forward_obstacle(now)
                                    : slot.stage->backward_obstacle(now);
      if (obstacle == Obstacle::nothing) {
        start(slot, now);
        return;
      }
    }
    note_waits(now, nullptr);
  } catch (...) {
    control_.fail(std::current_exception());
    return;
  }
  std::optional<Cycles> next;
  for (const Slot& slot : slots_) {
    const auto arrival = slot.direction == Pass::forward ? slot.stage->next_input(now)
                                                         : slot.stage->next_gradient(now);
    if (arrival && (!next || *arrival < *next)) next = arrival;
  }
  if (next) look_.notify(cycles_time(*next - now));
}

void ComputeCore::start(const Slot& slot, Cycles now) {
  busy_ = true;
  running_ = &slot;
  look_.cancel();
  const Cycles end = slot.direction == Pass::forward
                         ? slot.stage->begin_forward(now)
                         : slot.stage->begin_backward(now, slot.both_directions);
  if (stages_.size() > 1) note_waits(now, slot.stage);
  complete_.notify(cycles_time(end - now));
}

void ComputeCore::note_waits(Cycles now, const StageController* running) {
  for (StageController* stage : stages_) {
    if (stage != running) stage->note_wait(now, running != nullptr);
  }
}

}  // namespace stagecoach
