// SPDX-License-Identifier: Apache-2.0
// Lockstep pacing: one timed event for each tick. In a tick every core does what the order of
// sim/schedule/lockstep says, one operation after the other (forward, backward, update; a core that
// stages share takes them from the first to the last); the tick ends when the last operation and
// the last transfer of the tick have ended.
#pragma once

#include <vector>

#include "sim/modules/interfaces.h"
#include "sim/modules/loss_sink.h"
#include "sim/modules/run_control.h"
#include "sim/modules/sample_source.h"
#include "sim/modules/stage_controller.h"
#include "sim/plan/machine_plan.h"
#include "sim/schedule/lockstep.h"

namespace stagecoach {

class TickController : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(TickController);
  TickController(sc_core::sc_module_name name, LockstepOrder& order, RunControl& control,
                 InterconnectIf& network, SampleSource& source, const LossSink& loss,
                 std::vector<StageController*> stages, const MachinePlan& plan);

 private:
  void begin_tick();
  void settle_tick();
  void run_operation(const TickOperation& op);
  void note_held();

  LockstepOrder& order_;
  RunControl& control_;
  InterconnectIf& network_;
  SampleSource& source_;
  const LossSink& loss_;
  std::vector<StageController*> stages_;
  const MachinePlan& plan_;
  std::vector<TickOperation> ops_;
  std::vector<Cycles> core_free_;
  Cycles tick_begin_ = 0;
  Cycles tick_end_ = 0;
  bool open_ = false;
  sc_core::sc_event tick_, settle_;
};

}  // namespace stagecoach
