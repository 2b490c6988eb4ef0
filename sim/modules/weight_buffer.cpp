// SPDX-License-Identifier: Apache-2.0
// Versions of one stage's weights.
#include "sim/modules/weight_buffer.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {

WeightBuffer::WeightBuffer(sc_core::sc_module_name name, int stage, const Schedule& schedule,
                           const MicroBatchPlan& plan, RunControl& control)
    : sc_module(name),
      stage_(stage),
      plan_(plan),
      control_(control),
      policy_(schedule.weight_policy()) {}

WeightVersion WeightBuffer::begin_forward(MicroBatchId micro_batch) {
  WeightVersion version = updates_;
  bool name_it = false;
  switch (policy_) {
    case WeightPolicy::current:
    case WeightPolicy::stashed:
      break;
    case WeightPolicy::vertical_sync:
      if (stage_ == 0) control_.note_entry(micro_batch, updates_);
      version = control_.entry_version(micro_batch);
      name_it = true;
      break;
    case WeightPolicy::double_buffered:
      version = std::max<std::int64_t>(plan_.at(micro_batch).batch - 1, 0);
      name_it = true;
      break;
  }
  if (version > updates_) throw ModelBug("a forward reads a version that does not exist yet");
  next_forward_ = micro_batch + 1;
  if (in_flight_.empty() || in_flight_.back() != version) ++distinct_in_flight_;
  in_flight_.push_back(version);
  last_read_ = version;
  if (policy_ != WeightPolicy::current) note_peak();
  return name_it ? version : Op::kCurrent;
}

void WeightBuffer::begin_backward(MicroBatchId) {
  const WeightVersion forward = in_flight_.front();
  last_read_ = policy_ == WeightPolicy::current ? updates_ : forward;
  backward_sum_ += last_read_ - forward;
}

WeightIf::Finished WeightBuffer::finish_backward(MicroBatchId, bool update) {
  const WeightVersion forward = in_flight_.front();
  in_flight_.pop_front();
  if (in_flight_.empty() || in_flight_.front() != forward) --distinct_in_flight_;
  Finished finished;
  if (update && batch_.empty()) {
    count_delay(updates_ - forward);
    finished = {1, updates_ - forward};
    ++updates_;
    if (policy_ != WeightPolicy::current) note_peak();
    return finished;
  }
  batch_.push_back(forward);
  if (update) {
    for (const WeightVersion read : batch_) {
      count_delay(updates_ - read);
      finished.delay_sum += updates_ - read;
    }
    finished.micro_batches = static_cast<std::int64_t>(batch_.size());
    batch_.clear();
    ++updates_;
    if (policy_ != WeightPolicy::current) note_peak();
  }
  return finished;
}

std::int64_t WeightBuffer::stashed_versions() const {
  switch (policy_) {
    case WeightPolicy::current:
      return 0;
    case WeightPolicy::stashed:
      return distinct_in_flight_ - (!in_flight_.empty() && in_flight_.back() == updates_ ? 1 : 0);
    case WeightPolicy::vertical_sync:
      // Micro-batches upstream will still ask for what stage 0 had when they entered.
      // What enters stage 0 reads the newest version; and after the last micro-batch nobody asks.
      if (in_flight_.empty() && (stage_ == 0 || next_forward_ == plan_.micro_batches())) return 0;
      return updates_ -
             (in_flight_.empty() ? control_.entry_version(next_forward_) : in_flight_.front());
    case WeightPolicy::double_buffered:
      return updates_ > 0 ? 1 : 0;
  }
  throw ModelBug("unknown weight policy");
}

void WeightBuffer::count_delay(std::int64_t delay) {
  // At most the micro-batches in flight, so a plain array is short.
  if (delay >= static_cast<std::int64_t>(delays_.size())) delays_.resize(delay + 1, 0);
  ++delays_[delay];
}

void WeightBuffer::report(StageStatistics& statistics) const {
  for (std::size_t delay = 0; delay < delays_.size(); ++delay) {
    if (delays_[delay] > 0) {
      statistics.staleness.histogram[static_cast<std::int64_t>(delay)] = delays_[delay];
    }
  }
  statistics.staleness.backward_sum = backward_sum_;
  statistics.updates = updates_;
  statistics.peak_stashed_versions = peak_stashed_;
}

}  // namespace stagecoach
