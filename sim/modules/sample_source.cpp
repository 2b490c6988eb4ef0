// SPDX-License-Identifier: Apache-2.0
// Feeds the first stage.
#include "sim/modules/sample_source.h"

#include <algorithm>

namespace stagecoach {

SampleSource::SampleSource(sc_core::sc_module_name name, const HostPlan& host,
                           Bytes bytes_per_sample, const MicroBatchPlan& plan,
                           const RunControl& control, WheelIf& wheel, Pacing pacing)
    : sc_module(name),
      first_stage("first_stage"),
      host_(host),
      bytes_per_sample_(bytes_per_sample),
      plan_(plan),
      control_(control),
      wheel_(wheel),
      number_(wheel.join(*this)),
      pacing_(pacing) {
  if (pacing_ == Pacing::elastic) wheel_.decide_soon(number_);
}

Arrival SampleSource::transfer(Bytes bytes, Cycles now) {
  const Cycles begin = std::max(now, free_at_);
  free_at_ = begin + transfer_time_(bytes, host_.bytes_per_cycle);
  bytes_moved_ += bytes;
  if (control_.waves() && free_at_ > begin) control_.waves()->host_busy(begin, free_at_);
  return Arrival{begin, free_at_ + host_.latency_cycles};
}

void SampleSource::wake_at(Cycles time) {
  if (pacing_ == Pacing::lockstep) return;
  if (time <= wheel_.now()) {
    wheel_.decide_soon(number_);
  } else {
    wheel_.call_at(number_, time, 0);
  }
}

void SampleSource::on_time(Cycles, int) { wheel_.decide_soon(number_); }

void SampleSource::on_decide(Cycles now) {
  while (next_ < plan_.micro_batches() && !control_.halted() && first_stage->has_room(0))
    deliver(now);
}

void SampleSource::fetch(Cycles now) {
  deliver(last_fetch_);
  last_fetch_ = now;
}

void SampleSource::deliver(Cycles from) {
  const Bytes bytes = bytes_per_sample_ * plan_.at(next_).samples;
  first_stage->reserve(0, next_, bytes);
  first_stage->deposit_input(0, next_, transfer(bytes, from));
  ++next_;
}

}  // namespace stagecoach
