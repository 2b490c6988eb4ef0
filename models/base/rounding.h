// SPDX-License-Identifier: Apache-2.0
// Whole parts of quotients and products whose operands were rounded to doubles on the way.
#pragma once

#include <cmath>
#include <cstdint>

namespace stagecoach {

/// A few roundings of 2^-53 each: 0.6 / 0.2 is 2.9999999999999996 and means 3.
constexpr double kRoundings = 1.0 / (std::int64_t{1} << 50);

/// The integer that `x`, 0 or more, stands for if it lies within a few roundings of one; else `x`.
inline double nearly_whole(double x) {
  const double nearest = std::nearbyint(x);
  return std::fabs(x - nearest) <= nearest * kRoundings ? nearest : x;
}

/// The largest integer that `x` reaches, and the smallest that reaches it. Infinity stays what it
/// is.
inline double rounded_floor(double x) { return std::floor(nearly_whole(x)); }
inline double rounded_ceil(double x) { return std::ceil(nearly_whole(x)); }

/// True if `x` is `bound` or more, or both mean the same number.
inline bool reaches(double x, double bound) { return x >= bound * (1 - kRoundings); }

}  // namespace stagecoach
