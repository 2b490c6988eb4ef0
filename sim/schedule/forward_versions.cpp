// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/forward_versions.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {

ForwardVersions::ForwardVersions(const Schedule& schedule, const MicroBatchPlan& plan)
    : policy_(schedule.weight_policy()), plan_(plan) {
  if (policy_ != WeightPolicy::vertical_sync) return;
  const std::int64_t most = std::min<std::int64_t>(schedule.max_in_flight(0), plan.micro_batches());
  entries_.assign(static_cast<std::size_t>(most) + 1, 0);
}

WeightVersion ForwardVersions::decide(int stage, MicroBatchId p, WeightVersion updates) {
  switch (policy_) {
    case WeightPolicy::current:
    case WeightPolicy::stashed:
      return Op::kCurrent;
    case WeightPolicy::vertical_sync:
      if (stage > 0) return entry(p);
      entered_ = p + 1;
      return latest_ = entry(p) = updates;
    case WeightPolicy::double_buffered:
      return std::max<std::int64_t>(plan_.at(p).batch - 1, 0);
  }
  throw ModelBug("unknown weight policy");
}

WeightVersion ForwardVersions::expected(int stage, MicroBatchId p, WeightVersion updates) const {
  // What enters stage 0 reads the newest version, and after the last micro-batch nobody asks.
  if (policy_ != WeightPolicy::vertical_sync || stage == 0 || p == plan_.micro_batches()) {
    return updates;
  }
  return p < entered_ ? entry(p) : latest_;
}

}  // namespace stagecoach
