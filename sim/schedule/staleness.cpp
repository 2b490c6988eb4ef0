// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/staleness.h"

namespace stagecoach {

std::int64_t StalenessCount::count() const {
  std::int64_t micro_batches = 0;
  for (const auto& [delay, n] : histogram) micro_batches += n;
  return micro_batches;
}

double StalenessCount::mean() const {
  std::int64_t micro_batches = 0;
  std::int64_t sum = 0;
  for (const auto& [delay, n] : histogram) {
    micro_batches += n;
    sum += delay * n;
  }
  return micro_batches == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(micro_batches);
}

}  // namespace stagecoach
