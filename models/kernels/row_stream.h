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

/// target[0 .. vectors * kLanes) = sum over `pixels` (a stream_pixels()) of x[p] * dy[.][p], then
/// stored, added (start_from_sums) or made an update. `dy` holds, for every vector of channels, the
/// vectors of all pixels.
template <class T>
void stream_row(const T* x, int pixels, const T* dy, int vectors, const RowTarget<T>& target);

}  // namespace stagecoach
