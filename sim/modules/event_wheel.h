// SPDX-License-Identifier: Apache-2.0
// The timed events of all modules, through one kernel event. The kernel's own queue costs more per
// event, and its cost grows with the number of waiting modules (docs/architecture.md has the
// figures). This wheel holds plain numbers, and events of the same cycle share one kernel event.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "sim/base/timing_wheel.h"
#include "sim/modules/interfaces.h"

namespace stagecoach {

/// Somebody who asked to be called at a time.
class TimedIf : public virtual sc_core::sc_interface {
 public:
  /// `tag` is what it gave when it asked.
  virtual void on_time(Cycles now, int tag) = 0;
  /// The second phase of this moment.
  virtual void on_decide(Cycles now) = 0;
};

class WheelIf : public virtual sc_core::sc_interface {
 public:
  /// Before the simulation: gives the caller its number. Lower numbers are called first.
  virtual int join(TimedIf& module) = 0;
  /// Calls module `number` at `time`, in a later delta if that is now. `tag`: 0 to 3.
  virtual void call_at(int number, Cycles time, int tag) = 0;
  /// Lets module `number` decide in a later delta of this moment; once, however often asked.
  virtual void decide_soon(int number) = 0;
};

class EventWheel : public sc_core::sc_module, public WheelIf {
 public:
  SC_HAS_PROCESS(EventWheel);
  explicit EventWheel(sc_core::sc_module_name name);

  /// From time to time asks whether to stop. If so, no further call comes, and the kernel runs out
  /// of events.
  void set_stops(std::function<bool()> stops) { stops_ = std::move(stops); }

  int join(TimedIf& module) override;
  void call_at(int number, Cycles time, int tag) override;
  void decide_soon(int number) override;

 private:
  void turn();
  void decide();
  bool stopped();

  std::vector<TimedIf*> modules_;
  TimingWheel<int> calls_;  ///< number and tag
  std::vector<int> due_;
  Cycles armed_ = kUnlimited<std::int64_t>;  ///< when the kernel event fires
  std::vector<int> asked_, deciding_;
  std::vector<char> has_asked_;
  std::function<bool()> stops_;
  unsigned asked_to_stop_ = 0;
  bool stopped_ = false;
  sc_core::sc_event turn_, decide_;
};

}  // namespace stagecoach
