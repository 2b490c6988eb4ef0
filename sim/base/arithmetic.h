// SPDX-License-Identifier: Apache-2.0
// Rounding helpers of the timing model.
#pragma once

#include <cmath>
#include <cstdint>

#include "sim/base/units.h"

namespace stagecoach {

/// a / b rounded up; a >= 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// The smallest number of parts above `parts` that makes ceil(n / parts) smaller; 0 if none does. A
/// loop over these visits every value of the quotient once, in about 2 sqrt(n) steps.
constexpr std::int64_t next_finer_cut(std::int64_t n, std::int64_t parts) {
  const std::int64_t size = ceil_div(n, parts);
  return size <= 1 ? 0 : ceil_div(n, size - 1);
}

/// Whole cycles for `amount` at `rate` per cycle; an unlimited (infinite) rate takes none.
inline Cycles cycles_at(double amount, double rate) {
  return amount <= 0 ? 0 : rounded_up<Cycles>(amount / rate);
}

/// Whole cycles of a time in nanoseconds.
inline Cycles cycles_of_ns(double ns, double clock_mhz) {
  return rounded_up<Cycles>(ns * clock_mhz / 1000.0 - 1e-9);
}

}  // namespace stagecoach
