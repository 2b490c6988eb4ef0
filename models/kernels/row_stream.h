// SPDX-License-Identifier: Apache-2.0
// The weight gradient where pixels are few and memory decides: whole weight rows, one after the
// other, each element touched once.
#pragma once

#include <cstddef>

#include "models/kernels/row_tile.h"

namespace stagecoach {

/// Most pixels (samples included) that stay in registers beside the sums.
constexpr int kStreamPixels = kVectorRegisters == 32 ? 16 : 8;

/// Pixels that the kernels are compiled for: the next power of two.
constexpr int stream_pixels(std::int64_t pixels) {
  int p = 1;
  while (p < pixels) p *= 2;
  return p;
}

/// Some weight rows that lie one after the other.
struct StreamRows {
  const float* x;  ///< [row][pixel]: the input that each row meets at each pixel
  int rows;
  int pixels;             ///< a stream_pixels()
  const float* dy;        ///< [vector of channels][pixel][lane]
  int vectors;            ///< of a row
  std::ptrdiff_t stride;  ///< elements between rows
  RowTarget target;       ///< of the first row
};

/// target[r][0 .. vectors * kLanes) = sum over pixels of x[r][p] * dy[.][p], then stored, added
/// (add_to_sums) or made an update.
void stream_rows(const StreamRows& s);

}  // namespace stagecoach
