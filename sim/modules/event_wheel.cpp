// SPDX-License-Identifier: Apache-2.0
// A heap of calls.
#include "sim/modules/event_wheel.h"

#include <algorithm>

#include "sim/modules/clock.h"

namespace stagecoach {
namespace {
constexpr int kTags = 4;
constexpr std::size_t kChildren = 4;
}  // namespace

EventWheel::EventWheel(sc_core::sc_module_name name) : sc_module(name) {
  SC_METHOD(turn);
  sensitive << turn_;
  dont_initialize();
  SC_METHOD(decide);
  sensitive << decide_;
  dont_initialize();
}

int EventWheel::join(TimedIf& module) {
  modules_.push_back(&module);
  has_asked_.push_back(0);
  return static_cast<int>(modules_.size()) - 1;
}

void EventWheel::call_at(int number, Cycles time, int tag) {
  const Entry entry{time, number * kTags + tag};
  heap_.push_back(entry);
  std::size_t i = heap_.size() - 1;
  for (; i > 0 && entry.before(heap_[(i - 1) / kChildren]); i = (i - 1) / kChildren) {
    heap_[i] = heap_[(i - 1) / kChildren];
  }
  heap_[i] = entry;
  if (time >= armed_) return;
  armed_ = time;
  // An earlier notification takes the place of a later one.
  turn_.notify(cycles_time(time - now_cycles()));
}

void EventWheel::decide_soon(int number) {
  if (has_asked_[number]) return;
  has_asked_[number] = 1;
  if (asked_.empty()) decide_.notify(sc_core::SC_ZERO_TIME);
  asked_.push_back(number);
}

void EventWheel::decide() {
  const Cycles now = now_cycles();
  deciding_.swap(asked_);
  std::sort(deciding_.begin(), deciding_.end());
  // Whoever is asked again while these decide gets its turn in a later delta.
  for (const int number : deciding_) has_asked_[number] = 0;
  for (const int number : deciding_) modules_[number]->on_decide(now);
  deciding_.clear();
}

void EventWheel::pop() {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (heap_.empty()) return;
  std::size_t i = 0;
  for (;;) {
    const std::size_t first = kChildren * i + 1;
    const std::size_t end = std::min(first + kChildren, heap_.size());
    if (first >= end) break;
    std::size_t least = first;
    for (std::size_t c = first + 1; c < end; ++c) {
      if (heap_[c].before(heap_[least])) least = c;
    }
    if (!heap_[least].before(last)) break;
    heap_[i] = heap_[least];
    i = least;
  }
  heap_[i] = last;
}

void EventWheel::turn() {
  const Cycles now = now_cycles();
  // What is asked for meanwhile, at this time, belongs to a later delta.
  due_.clear();
  while (!heap_.empty() && heap_.front().time <= now) {
    due_.push_back(heap_.front().call);
    pop();
  }
  armed_ = kUnlimited64;
  for (const int call : due_) modules_[call / kTags]->on_time(now, call % kTags);
  if (!heap_.empty() && heap_.front().time < armed_) {
    armed_ = heap_.front().time;
    turn_.notify(cycles_time(armed_ - now));
  }
}

}  // namespace stagecoach
