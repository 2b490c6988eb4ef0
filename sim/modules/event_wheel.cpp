// SPDX-License-Identifier: Apache-2.0
// A heap of calls.
#include "sim/modules/event_wheel.h"

#include <algorithm>

#include "sim/modules/clock.h"

namespace stagecoach {
namespace {
constexpr int kTags = 4;
}

EventWheel::EventWheel(sc_core::sc_module_name name) : sc_module(name) {
  SC_METHOD(turn);
  sensitive << turn_;
  dont_initialize();
}

int EventWheel::join(TimedIf& module) {
  modules_.push_back(&module);
  return static_cast<int>(modules_.size()) - 1;
}

void EventWheel::call_at(int number, Cycles time, int tag) {
  heap_.push_back({time, number * kTags + tag});
  std::push_heap(heap_.begin(), heap_.end());
  if (time >= armed_) return;
  armed_ = time;
  // An earlier notification takes the place of a later one.
  turn_.notify(cycles_time(time - now_cycles()));
}

void EventWheel::turn() {
  const Cycles now = now_cycles();
  // What is asked for meanwhile, at this time, belongs to a later delta.
  due_.clear();
  while (!heap_.empty() && heap_.front().time <= now) {
    due_.push_back(heap_.front().call);
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
  armed_ = kUnlimited64;
  for (const int call : due_) modules_[call / kTags]->on_time(now, call % kTags);
  if (!heap_.empty() && heap_.front().time < armed_) {
    armed_ = heap_.front().time;
    turn_.notify(cycles_time(armed_ - now));
  }
}

}  // namespace stagecoach
