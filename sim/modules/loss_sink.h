// SPDX-License-Identifier: Apache-2.0
// The end of the pipeline: takes the network's output, returns its gradient at once, and sends the
// output to the host over the host egress, which is as wide as the ingress. The cost of the loss is
// part of the last stage's cost.
#pragma once

#include <algorithm>
#include <deque>

#include "sim/modules/interfaces.h"
#include "sim/plan/machine_plan.h"
#include "sim/plan/topology.h"

namespace stagecoach {

class LossSink : public sc_core::sc_module, public LossIf {
 public:
  /// `bytes_per_sample`: what goes to the host; `room_micro_batches` may wait for it.
  /// `gives_gradient`: false in inference, where the way down is all there is.
  LossSink(sc_core::sc_module_name name, const HostPlan& host, Bytes bytes_per_sample,
           int room_micro_batches, bool gives_gradient)
      : sc_module(name),
        last_stage("last_stage"),
        host_(host),
        bytes_per_sample_(bytes_per_sample),
        room_micro_batches_(static_cast<std::size_t>(room_micro_batches)),
        gives_gradient_(gives_gradient) {}

  sc_core::sc_port<InboxIf> last_stage;

  bool has_room(Cycles now) const override {
    return leaving_.size() < room_micro_batches_ || room_at() <= now;
  }
  Cycles room_at() const override { return leaving_[leaving_.size() - room_micro_batches_]; }
  void accept(MicroBatchId micro_batch, int samples, Cycles time) override {
    if (gives_gradient_) last_stage->deposit_gradient(micro_batch, Arrival{time, time});
    while (!leaving_.empty() && leaving_.front() <= time) leaving_.pop_front();
    const Bytes bytes = bytes_per_sample_ * samples;
    bytes_moved_ += bytes;
    free_at_ = std::max(time, free_at_) + transfer_time_(bytes, host_.bytes_per_cycle);
    if (free_at_ > time) leaving_.push_back(free_at_);
  }
  Bytes bytes_moved() const { return bytes_moved_; }
  /// When the last result has left the chip.
  Cycles last_end() const { return free_at_; }

 private:
  const HostPlan host_;
  TransferTime transfer_time_;
  const Bytes bytes_per_sample_;
  const std::size_t room_micro_batches_;
  const bool gives_gradient_;
  std::deque<Cycles> leaving_;  ///< when results under way, or waiting for it, have left
  Cycles free_at_ = 0;
  Bytes bytes_moved_ = 0;
};

}  // namespace stagecoach
