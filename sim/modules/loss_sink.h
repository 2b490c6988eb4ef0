// SPDX-License-Identifier: Apache-2.0
// The end of the way down: takes the network's output and hands its gradient back at once. What the
// loss costs is part of the last stage's cost.
#pragma once

#include "sim/modules/interfaces.h"

namespace stagecoach {

class LossSink : public sc_core::sc_module, public LossIf {
 public:
  explicit LossSink(sc_core::sc_module_name name) : sc_module(name), last_stage("last_stage") {}

  sc_core::sc_port<InboxIf> last_stage;

  void accept(PacketId packet, Cycles time) override {
    ++accepted_;
    last_stage->deposit_gradient(packet, Arrival{time, time});
  }
  std::int64_t accepted() const { return accepted_; }

 private:
  std::int64_t accepted_ = 0;
};

}  // namespace stagecoach
