// SPDX-License-Identifier: Apache-2.0
// Calls by time.
#include "sim/modules/event_wheel.h"

#include <algorithm>

#include "sim/modules/clock.h"

namespace stagecoach {
namespace {
constexpr int kTags = 4;
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
  calls_.push(time, number * kTags + tag);
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

bool EventWheel::stopped() {
  constexpr unsigned kEvery = 4096;  // a power of two
  if (!stopped_ && stops_ && ++asked_to_stop_ % kEvery == 0) stopped_ = stops_();
  return stopped_;
}

void EventWheel::decide() {
  if (stopped()) return;
  const Cycles now = now_cycles();
  deciding_.swap(asked_);
  std::sort(deciding_.begin(), deciding_.end());
  // Whoever is asked again while these decide gets its turn in a later delta.
  for (const int number : deciding_) has_asked_[number] = 0;
  for (const int number : deciding_) modules_[number]->on_decide(now);
  deciding_.clear();
}

void EventWheel::turn() {
  if (stopped()) return;
  const Cycles now = now_cycles();
  // What is asked for meanwhile, at this time, belongs to a later delta.
  due_.clear();
  while (calls_.next_time() <= now) calls_.take_due(due_);
  std::sort(due_.begin(), due_.end());
  armed_ = kUnlimited<std::int64_t>;
  for (const int call : due_) modules_[call / kTags]->on_time(now, call % kTags);
  if (calls_.next_time() < armed_) {
    armed_ = calls_.next_time();
    turn_.notify(cycles_time(armed_ - now));
  }
}

}  // namespace stagecoach
