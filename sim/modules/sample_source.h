// SPDX-License-Identifier: Apache-2.0
// The host ingress: sends micro-batches over one channel. In `elastic` pacing it sends while the
// first stage has room. In `lockstep` it sends one per forward, while the first stage works on the
// previous one.
#pragma once

#include "models/micro_batch_plan.h"
#include "sim/modules/event_wheel.h"
#include "sim/modules/interfaces.h"
#include "sim/modules/run_control.h"
#include "sim/plan/machine_plan.h"
#include "sim/plan/topology.h"

namespace stagecoach {

class SampleSource : public sc_core::sc_module, public SourceIf, public WakeIf, public TimedIf {
 public:
  /// `bytes_per_sample`: what the first stage reads.
  SampleSource(sc_core::sc_module_name name, const HostPlan& host, Bytes bytes_per_sample,
               const MicroBatchPlan& plan, const RunControl& control, WheelIf& wheel,
               Pacing pacing);

  sc_core::sc_port<InboxIf> first_stage;

  Arrival transfer(Bytes bytes, Cycles now) override;
  void wake_at(Cycles time) override;
  void on_time(Cycles now, int tag) override;
  void on_decide(Cycles now) override;
  /// Lockstep: the first stage wants its next micro-batch in the tick that begins `now`.
  void fetch(Cycles now);

  Bytes bytes_moved() const { return bytes_moved_; }

 private:
  void deliver(Cycles from);

  const HostPlan host_;
  TransferTime transfer_time_;
  const Bytes bytes_per_sample_;
  const MicroBatchPlan& plan_;
  const RunControl& control_;
  WheelIf& wheel_;
  const int number_;  ///< on the wheel
  const Pacing pacing_;
  MicroBatchId next_ = 0;
  Cycles last_fetch_ = 0;
  Cycles free_at_ = 0;
  Bytes bytes_moved_ = 0;
};

}  // namespace stagecoach
