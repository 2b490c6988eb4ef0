// SPDX-License-Identifier: Apache-2.0
// The timed events of all modules, through one process and one kernel event. The kernel's own queue
// costs more per event, and its cost grows with the number of waiting modules
// (docs/architecture.md has the figures). This wheel holds plain numbers.
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
  /// The second phase of a round.
  virtual void on_decide(Cycles now) = 0;
};

class WheelIf : public virtual sc_core::sc_interface {
 public:
  /// Before the simulation: gives the caller its number. Lower numbers are called first.
  virtual int join(TimedIf& module) = 0;
  /// The moment that the caller is in.
  virtual Cycles now() const = 0;
  /// Calls module `number` at `time`, in a later round if that is now. `tag`: 0 to 3. A moment has
  /// as many rounds as it needs; in each, all calls that are due come before all decisions.
  virtual void call_at(int number, Cycles time, int tag) = 0;
  /// Lets module `number` decide at this moment: in this round if asked by a call, in the next one
  /// if by a decision. Once, however often asked.
  virtual void decide_soon(int number) = 0;
};

class EventWheel : public sc_core::sc_module, public WheelIf {
 public:
  SC_HAS_PROCESS(EventWheel);
  explicit EventWheel(sc_core::sc_module_name name);

  /// From time to time asks whether to stop. If so, no further call comes, and the kernel runs out
  /// of events.
  void set_stops(std::function<bool()> stops) { stops_ = std::move(stops); }
  /// Temporal decoupling: goes on to later moments by itself, and the kernel's time follows every
  /// kQuantum moments. Only where no other process waits for a time.
  void run_ahead() { runs_ahead_ = true; }
  static constexpr int kQuantum = 4096;

  int join(TimedIf& module) override;
  Cycles now() const override;
  void call_at(int number, Cycles time, int tag) override;
  void decide_soon(int number) override;

 private:
  void turn();
  bool run_moment();
  void run_round();
  void arm(Cycles time);
  bool stopped();

  std::vector<TimedIf*> modules_;
  TimingWheel<int> calls_;  ///< number and tag
  std::vector<int> due_;
  std::vector<int> asked_[2];  ///< who decides in this round, and in the next
  int asking_ = 0;             ///< which of them takes requests
  std::vector<char> has_asked_;
  bool turning_ = false;
  bool runs_ahead_ = false;
  Cycles now_ = 0;                           ///< while turning
  Cycles waited_at_ = -1;                    ///< the last time that they were let go first
  Cycles armed_ = kUnlimited<std::int64_t>;  ///< when the kernel event fires
  std::function<bool()> stops_;
  unsigned asked_to_stop_ = 0;
  bool stopped_ = false;
  sc_core::sc_event turn_;
};

}  // namespace stagecoach
