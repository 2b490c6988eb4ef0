// SPDX-License-Identifier: Apache-2.0
// All sizes of the tile of pixel_tile.h.
#include "models/kernels/pixel_tile.h"

#include <utility>

namespace stagecoach {
namespace {

template <class T>
using Kernel = void (*)(const PixelTile<T>&);

template <class T, int NV, int... P>
void run(const PixelTile<T>& tile, int pixels, std::integer_sequence<int, P...>) {
  static constexpr Kernel<T> kernels[] = {&run_pixel_tile<T, P + 1, NV>...};
  kernels[pixels - 1](tile);
}

}  // namespace

template <class T>
void run_pixel_tile(const PixelTile<T>& tile, int pixels, int vectors) {
  using Pixels = std::make_integer_sequence<int, kTilePixels>;
  if (vectors == 1) return run<T, 1>(tile, pixels, Pixels());
  if (vectors == 2) return run<T, 2>(tile, pixels, Pixels());
  return run<T, 3>(tile, pixels, Pixels());
}

template void run_pixel_tile(const PixelTile<float>&, int, int);
template void run_pixel_tile(const PixelTile<double>&, int, int);

}  // namespace stagecoach
