// SPDX-License-Identifier: Apache-2.0
// All sizes of the tile of row_tile.h.
#include "models/kernels/row_tile.h"

#include <utility>

namespace stagecoach {
namespace {

/// Unrolled in every ending, so that the sums never leave the registers.
template <int R, int NV>
[[gnu::always_inline]] inline void finish(const RowTarget& target,
                                          const std::ptrdiff_t (&row_at)[R], Vec (&sum)[R][NV]) {
  constexpr int L = kLanes<float>;
  float* const sums = target.sums;
  if (target.add_to_sums) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sum[r][v] += load(sums + row_at[r] + v * L);
  }
  if (!target.update) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) store(sums + row_at[r] + v * L, sum[r][v]);
    return;
  }
  const UpdateCoefficients<float> k = target.coefficients;
  float *weights = target.weights, *velocity = target.velocity, *predicted = target.predicted;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      const std::ptrdiff_t at = row_at[r] + v * L;
      update_vector(sum[r][v], k, weights + at, velocity + at,
                    predicted ? predicted + at : nullptr);
    }
}

// Above, two sets of sums and the offsets of the rows crowd the registers: measured.
constexpr int kSetRows = kTileRows / 2;

/// Consecutive rows need no offsets in registers: `kConsecutive`. C: pixels of a row; 0: any
/// number.
template <int R, int NV, bool kConsecutive, int C>
[[gnu::noinline]] void run(const RowTile& tile, std::ptrdiff_t stride) {
  constexpr int L = kLanes<float>;
  // A lone vector has too few sums to hide the latency of a multiply-add: even and odd pixels add
  // to different ones.
  constexpr int kSets = NV == 1 && R <= kSetRows ? 2 : 1;
  Vec sums[kSets][R][NV] = {};
  std::ptrdiff_t x_at[R], row_at[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    x_at[r] = kConsecutive ? r : tile.x_at[r];
    row_at[r] = kConsecutive ? tile.row_at[0] + r * stride : tile.row_at[r];
  }
  int y = tile.first_row % tile.image_rows;
  std::ptrdiff_t n = tile.first_row / tile.image_rows;
  const std::ptrdiff_t x_step = tile.x_strides.pixel, dy_step = tile.dy_strides.pixel;
  for (int i = 0; i < tile.rows; ++i) {
    const float* x = tile.x + n * tile.x_strides.sample + y * tile.x_strides.row +
                     (kConsecutive ? tile.x_at[0] : 0);
    const float* dy = tile.dy + n * tile.dy_strides.sample + y * tile.dy_strides.row;
    const auto pixel = [&](Vec(&sum)[R][NV]) {
      Vec b[NV];
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) b[v] = load(dy + v * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const float a = x[x_at[r]];
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) sum[r][v] += a * b[v];
      }
      x += x_step;
      dy += dy_step;
    };
    const int columns = C ? C : tile.columns;
    int j = 0;
    for (; (kConsecutive || kSets == 2) && j + 2 <= columns; j += 2) {
      pixel(sums[0]);
      pixel(sums[kSets - 1]);
    }
    for (; j < columns; ++j) pixel(sums[0]);
    if (++y == tile.image_rows) {
      y = 0;
      ++n;
    }
  }
  Vec(&sum)[R][NV] = sums[0];
  if (kSets == 2) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r][0] += sums[kSets - 1][r][0];
  }
  finish(tile.target, row_at, sum);
}

using Kernel = void (*)(const RowTile&, std::ptrdiff_t);

template <int NV, int... R>
void run_any(const RowTile& tile, int count, std::integer_sequence<int, R...>) {
  static constexpr Kernel kernels[] = {&run<R + 1, NV, false, 0>...};
  kernels[count - 1](tile, 0);
}

template <int R, int NV>
void run_consecutive(const RowTile& tile, std::ptrdiff_t stride) {
  switch (tile.columns) {
    case 4:
      return run<R, NV, true, 4>(tile, stride);
    case 8:
      return run<R, NV, true, 8>(tile, stride);
    case 16:
      return run<R, NV, true, 16>(tile, stride);
    case 32:
      return run<R, NV, true, 32>(tile, stride);
    default:
      return run<R, NV, true, 0>(tile, stride);
  }
}

}  // namespace

void run_row_tile(const RowTile& tile, int count, int vectors) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  if (vectors == 1) return run_any<1>(tile, count, Rows());
  if (vectors == 2) return run_any<2>(tile, count, Rows());
  return run_any<3>(tile, count, Rows());
}

void run_consecutive_row_tile(const RowTile& tile, std::ptrdiff_t stride, int count, int vectors) {
  if (count == 2 * kTileRows) return run_consecutive<2 * kTileRows, 1>(tile, stride);
  if (vectors == 1) return run_consecutive<kTileRows, 1>(tile, stride);
  if (vectors == 2) return run_consecutive<kTileRows, 2>(tile, stride);
  return run_consecutive<kTileRows, 3>(tile, stride);
}

}  // namespace stagecoach
