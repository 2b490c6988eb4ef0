// SPDX-License-Identifier: Apache-2.0
// A compute core does one operation at a time for the stages mapped to it, or one on each of its
// datapaths if it has concurrent passes. Each operation has one timed call
// (sim/modules/event_wheel.h has the process). An idle core is woken when data arrives that it
// could work on.
//
// Order within one cycle: operations complete first, then cores decide what to start, so a forward
// that starts at t sees an update that completes at t. If several operations could start, a
// backward goes before a forward (if the schedule says so), a weight gradient goes last, and among
// stages the later one goes first.
#pragma once

#include <array>
#include <vector>

#include "sim/modules/event_wheel.h"
#include "sim/modules/interfaces.h"
#include "sim/modules/run_control.h"
#include "sim/plan/machine_plan.h"

namespace stagecoach {

class ComputeCore : public sc_core::sc_module, public WakeIf, public TimedIf {
 public:
  ComputeCore(sc_core::sc_module_name name, RunControl& control, WheelIf& wheel, Pacing pacing,
              bool concurrent_passes = false);

  /// Maps one kind of a stage's operations to this core, before the simulation starts. A stage
  /// whose other direction runs here, too, hands its update over with the backward.
  /// `backward_first`: Schedule::backward_first() of this stage.
  void host(StageIf& stage, StageOperation operation, bool both_directions, bool backward_first);

  void wake_at(Cycles time) override;
  void on_time(Cycles now, int tag) override;
  void on_decide(Cycles now) override;

 private:
  struct Slot {
    StageIf* stage = nullptr;
    StageOperation operation = StageOperation::forward;
    bool both_directions = false;
    int datapath = 0;
    int rank = 0;  ///< what could start and has the lowest goes first
  };

  bool busy() const;  ///< all datapaths are
  void complete(Cycles now, int datapath);
  void start(const Slot& slot, Cycles now);
  void note_waits(Cycles now, const StageIf* running);

  RunControl& control_;
  WheelIf& wheel_;
  const int number_;  ///< on the wheel
  const Pacing pacing_;
  std::vector<Slot> slots_;  ///< in order of rank, then the later stage
  std::vector<StageIf*> stages_;
  const bool concurrent_passes_;
  std::array<const Slot*, kDatapaths> running_{};  ///< by datapath; null: idle
  Cycles look_at_ = kUnlimited<std::int64_t>;  ///< the next look that the wheel has been asked for
};

}  // namespace stagecoach
