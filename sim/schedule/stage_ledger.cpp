// SPDX-License-Identifier: Apache-2.0
// Books of one stage.
#include "sim/schedule/stage_ledger.h"

#include "models/base/error.h"

namespace stagecoach {

WeightVersion StageLedger::begin_forward(WeightVersion version) {
  if (version == Op::kCurrent) version = progress_.updates;
  if (version > progress_.updates) {
    throw ModelBug("a forward reads a version that does not exist yet");
  }
  progress_.start_forward();
  if (in_flight_.empty() || in_flight_.back() != version) ++distinct_in_flight_;
  in_flight_.push_back(version);
  return version;
}

WeightVersion StageLedger::begin_backward() {
  progress_.start_backward();
  const WeightVersion forward = in_flight_.front();
  const WeightVersion read = keeps_forward_version(policy_) ? forward : progress_.updates;
  backward_sum_ += read - forward;
  return read;
}

StageLedger::Update StageLedger::retire(bool with_update) {
  progress_.retire();
  const WeightVersion forward = in_flight_.front();
  in_flight_.pop_front();
  if (in_flight_.empty() || in_flight_.front() != forward) --distinct_in_flight_;
  if (!with_update || awaits_update()) {
    awaiting_update_.push_back(forward);
    return with_update ? update() : Update{};
  }
  // Alone in its mini-batch: the case of pipelined backpropagation at batch one.
  const std::int64_t staleness = progress_.updates - forward;
  count_staleness(staleness);
  ++progress_.updates;
  return {1, staleness};
}

StageLedger::Update StageLedger::update() {
  Update update;
  for (const WeightVersion read : awaiting_update_) {
    count_staleness(progress_.updates - read);
    update.staleness_sum += progress_.updates - read;
  }
  update.micro_batches = static_cast<std::int64_t>(awaiting_update_.size());
  awaiting_update_.clear();
  ++progress_.updates;
  return update;
}

std::int64_t StageLedger::stashed_versions(WeightVersion next_read) const {
  switch (policy_) {
    case WeightPolicy::current:
      return 0;
    case WeightPolicy::stashed:
      return distinct_in_flight_ -
             (!in_flight_.empty() && in_flight_.back() == progress_.updates ? 1 : 0);
    case WeightPolicy::vertical_sync:
      return progress_.updates - (in_flight_.empty() ? next_read : in_flight_.front());
    case WeightPolicy::double_buffered:
      return progress_.updates > 0 ? 1 : 0;
  }
  throw ModelBug("unknown weight policy");
}

void StageLedger::count_staleness(std::int64_t updates) {
  // At most the micro-batches in flight, so a plain array is short.
  if (updates >= static_cast<std::int64_t>(histogram_.size())) histogram_.resize(updates + 1, 0);
  ++histogram_[updates];
}

StalenessCount StageLedger::staleness() const {
  StalenessCount count;
  for (std::size_t updates = 0; updates < histogram_.size(); ++updates) {
    if (histogram_[updates] > 0) {
      count.histogram[static_cast<std::int64_t>(updates)] = histogram_[updates];
    }
  }
  count.backward_sum = backward_sum_;
  return count;
}

}  // namespace stagecoach
