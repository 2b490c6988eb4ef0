// SPDX-License-Identifier: Apache-2.0
// The channel to DRAM, shared by all cores: serves requests in the order in which they come, each
// whole, at the sustained bandwidth. An operation asks for its bytes when it begins and ends when
// both its work and its transfer have.
#pragma once

#include <vector>

#include "sim/modules/event_wheel.h"
#include "sim/plan/machine_plan.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

class DramChannel : public sc_core::sc_module, public DramIf {
 public:
  DramChannel(sc_core::sc_module_name name, const DramPlan& dram, const WheelIf& wheel);

  /// A request for a time to come (the update behind a backward) keeps its place; requests that
  /// come before that time take what the channel has left until then.
  Cycles transfer(Bytes bytes, Cycles ready) override;

  DramStatistics report() const { return statistics_; }

 private:
  struct Busy {
    Cycles begin = 0;
    Cycles end = 0;
  };

  void forget_before(Cycles now);
  /// Occupies the channel for `cycles` from `ready` on, between what is there; returns the end.
  Cycles occupy(Cycles cycles, Cycles ready);

  const DramPlan dram_;
  const WheelIf& wheel_;
  std::vector<Busy> busy_;  ///< ascending, with gaps between, none in the past
  DramStatistics statistics_;
};

}  // namespace stagecoach
