// SPDX-License-Identifier: Apache-2.0
// Books of one stage.
#include "sim/schedule/stage_ledger.h"

#include "models/base/error.h"

namespace stagecoach {

void StageLedger::pass_through() {
  progress_.start_backward();
  progress_.retire();
  const WeightVersion read = in_flight_.front();
  in_flight_.pop_front();
  if (in_flight_.empty() || in_flight_.front() != read) --distinct_in_flight_;
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
