// SPDX-License-Identifier: Apache-2.0
// How stale the weights of one stage's micro-batches are (sim/schedule/stage_ledger.h counts it).
#pragma once

#include <cstdint>
#include <map>

namespace stagecoach {

/// Updates between reads and the own update, counted per backward with update of a micro-batch.
struct StalenessCount {
  std::map<std::int64_t, std::int64_t> histogram;  ///< delay -> micro-batches
  std::int64_t backward_sum = 0;  ///< sum of (version read by backward - version read by forward)
  std::int64_t count() const;
  double mean() const;  ///< 0 when nothing was counted
};

}  // namespace stagecoach
