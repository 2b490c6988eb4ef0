// SPDX-License-Identifier: Apache-2.0
// Time and data of the simulated machine as numbers.
#pragma once

#include <cstdint>
#include <limits>

namespace stagecoach {

using Cycles = std::int64_t;
using Bytes = std::int64_t;

constexpr std::int64_t kUnlimited64 = std::numeric_limits<std::int64_t>::max();

/// Rates and widths that the file gives as "unlimited".
constexpr double kUnlimitedRate = std::numeric_limits<double>::infinity();

}  // namespace stagecoach
