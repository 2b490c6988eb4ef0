// SPDX-License-Identifier: Apache-2.0
// Sums over the counters of run_statistics.h.
#include "sim/stats/run_statistics.h"

namespace stagecoach {

std::int64_t StalenessCount::count() const {
  std::int64_t packets = 0;
  for (const auto& [delay, n] : histogram) packets += n;
  return packets;
}

double StalenessCount::mean() const {
  std::int64_t packets = 0;
  std::int64_t sum = 0;
  for (const auto& [delay, n] : histogram) {
    packets += n;
    sum += delay * n;
  }
  return packets == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(packets);
}

}  // namespace stagecoach
