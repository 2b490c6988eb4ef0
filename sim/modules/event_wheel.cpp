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
}

int EventWheel::join(TimedIf& module) {
  modules_.push_back(&module);
  has_asked_.push_back(0);
  return static_cast<int>(modules_.size()) - 1;
}

Cycles EventWheel::now() const { return turning_ ? now_ : now_cycles(); }

void EventWheel::call_at(int number, Cycles time, int tag) {
  calls_.push(time, number * kTags + tag);
  if (!turning_) arm(time);
}

void EventWheel::decide_soon(int number) {
  if (has_asked_[number]) return;
  has_asked_[number] = 1;
  asked_[asking_].push_back(number);
  if (!turning_) arm(now_cycles());
}

void EventWheel::arm(Cycles time) {
  if (time >= armed_) return;
  armed_ = time;
  // An earlier notification takes the place of a later one.
  turn_.notify(cycles_time(time - now_cycles()));
}

bool EventWheel::stopped() {
  constexpr unsigned kEvery = 4096;  // a power of two
  if (!stopped_ && stops_ && ++asked_to_stop_ % kEvery == 0) stopped_ = stops_();
  return stopped_;
}

void EventWheel::turn() {
  armed_ = kUnlimited<std::int64_t>;
  now_ = now_cycles();
  // Other processes wait for this time, too. They go first, in whatever order the kernel has them.
  if (!runs_ahead_ && now_ > waited_at_) {
    waited_at_ = now_;
    return arm(now_);
  }
  turning_ = true;
  bool goes_on = run_moment();
  for (int moment = 1; goes_on && runs_ahead_ && moment < kQuantum; ++moment) {
    if (calls_.next_time() == kUnlimited<std::int64_t>) break;
    now_ = calls_.next_time();
    goes_on = run_moment();
  }
  turning_ = false;
  if (goes_on) arm(calls_.next_time());
}

/// All rounds of now_; false: the run stops.
bool EventWheel::run_moment() {
  while (calls_.next_time() <= now_ || !asked_[asking_].empty()) {
    if (stopped()) return false;
    run_round();
  }
  return true;
}

/// What is due, then the decisions. What these ask for at this time belongs to a later round.
void EventWheel::run_round() {
  due_.clear();
  while (calls_.next_time() <= now_) calls_.take_due(due_);
  if (due_.size() > 1) std::sort(due_.begin(), due_.end());
  for (const int call : due_) modules_[call / kTags]->on_time(now_, call % kTags);
  std::vector<int>& deciding = asked_[asking_];
  asking_ ^= 1;
  for (const int number : deciding) has_asked_[number] = 0;
  if (deciding.size() > 1) std::sort(deciding.begin(), deciding.end());
  for (const int number : deciding) modules_[number]->on_decide(now_);
  deciding.clear();
}

}  // namespace stagecoach
