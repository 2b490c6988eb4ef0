// SPDX-License-Identifier: Apache-2.0
// Picks and runs operations.
#include "sim/modules/compute_core.h"

#include <algorithm>
#include <utility>

namespace stagecoach {
namespace {
// What a core asks the wheel for.
constexpr int kLook = kDatapaths;  // below: the operation on that datapath has ended

int rank_of(StageOperation operation, bool backward_first) {
  switch (operation) {
    case StageOperation::forward:
      return backward_first ? 1 : 0;
    case StageOperation::backward:
      return backward_first ? 0 : 1;
    case StageOperation::weight_gradient:
    case StageOperation::update:
      break;
  }
  return 2;
}
}  // namespace

ComputeCore::ComputeCore(sc_core::sc_module_name name, RunControl& control, WheelIf& wheel,
                         Pacing pacing, bool concurrent_passes)
    : sc_module(name),
      control_(control),
      wheel_(wheel),
      number_(wheel.join(*this)),
      pacing_(pacing),
      concurrent_passes_(concurrent_passes) {}

bool ComputeCore::busy() const {
  const std::size_t datapaths = concurrent_passes_ ? kDatapaths : 1;
  for (std::size_t d = 0; d < datapaths; ++d) {
    if (!running_[d]) return false;
  }
  return true;
}

void ComputeCore::host(StageIf& stage, StageOperation operation, bool both_directions,
                       bool backward_first) {
  slots_.push_back(Slot{&stage, operation, both_directions,
                        datapath_of(concurrent_passes_, operation),
                        rank_of(operation, backward_first)});
  std::stable_sort(slots_.begin(), slots_.end(), [](const Slot& a, const Slot& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.stage->index() > b.stage->index();
  });
  if (std::find(stages_.begin(), stages_.end(), &stage) == stages_.end()) {
    stages_.push_back(&stage);
  }
}

void ComputeCore::wake_at(Cycles time) {
  // In lockstep somebody else decides. A busy core looks when it is done.
  if (busy() || pacing_ == Pacing::lockstep) return;
  if (time <= wheel_.now()) {
    wheel_.decide_soon(number_);
  } else if (time < look_at_) {
    look_at_ = time;
    wheel_.call_at(number_, time, kLook);
  }
}

void ComputeCore::on_time(Cycles now, int tag) {
  if (tag != kLook) {
    complete(now, tag);
  } else {
    // The wheel may still hold an older request for a look. It costs a look and changes nothing.
    if (now >= look_at_) look_at_ = kUnlimited<std::int64_t>;
    if (!busy()) wheel_.decide_soon(number_);
  }
}

void ComputeCore::complete(Cycles now, int datapath) {
  const Slot* slot = std::exchange(running_[static_cast<std::size_t>(datapath)], nullptr);
  try {
    slot->stage->finish(slot->operation, now);
  } catch (...) {
    control_.fail(std::current_exception());
  }
  wheel_.decide_soon(number_);
}

void ComputeCore::on_decide(Cycles now) {
  if (busy() || control_.halted()) return;
  const auto idle = [this](const Slot& slot) {
    return !running_[static_cast<std::size_t>(slot.datapath)];
  };
  try {
    for (const Slot& slot : slots_) {
      if (idle(slot) && slot.stage->obstacle(slot.operation, now) == Obstacle::nothing) {
        start(slot, now);
      }
    }
    if (busy()) return;
    note_waits(now, nullptr);
  } catch (...) {
    control_.fail(std::current_exception());
    return;
  }
  std::optional<Cycles> next;
  for (const Slot& slot : slots_) {
    if (!idle(slot)) continue;
    const auto arrival = slot.stage->next_data(slot.operation, now);
    if (arrival && (!next || *arrival < *next)) next = arrival;
  }
  if (next) wake_at(*next);
}

void ComputeCore::start(const Slot& slot, Cycles now) {
  running_[static_cast<std::size_t>(slot.datapath)] = &slot;
  const Cycles end = slot.stage->begin(slot.operation, now, slot.both_directions);
  if (stages_.size() > 1) note_waits(now, slot.stage);
  wheel_.call_at(number_, end, slot.datapath);
}

void ComputeCore::note_waits(Cycles now, const StageIf* running) {
  for (StageIf* stage : stages_) {
    if (stage != running) stage->note_wait(now, running != nullptr);
  }
}

}  // namespace stagecoach
