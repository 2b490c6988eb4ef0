// SPDX-License-Identifier: Apache-2.0
// Register tiles of dot products: some pixels by some weight rows.
#include "models/kernels/dot_tile.h"

#include <algorithm>

namespace stagecoach {
namespace {

constexpr int kDotPixels = 4;
constexpr int kDotRows = kVectorRegisters == 32 ? 4 : 2;  // with several pixels
constexpr int kLoneRows = 4 * kDotRows;                   // with a single one

template <class T>
struct DotTile {
  const T* input;
  const T* weights;  ///< row (0,0) of the tile's first channel
  T* output;
  const PixelOffsets* at;
};

/// P pixels by R rows; P * R sums in registers, added up across lanes at the end.
template <class T, int P, int R>
[[gnu::noinline]] void run(const TileProblem<T>& p, const DotTile<T>& tile) {
  constexpr int L = kLanes<T>;
  constexpr int kSums = (P * R + L - 1) / L * L;
  Vec<T> sum[kSums] = {};
  std::ptrdiff_t at[P], row_at[R < 8 ? R : 8];
  for (int i = 0; i < P; ++i) at[i] = tile.at->in()[i];
  for (int r = 0; r < R && r < 8; ++r) row_at[r] = r * p.weight_stride;
  const std::ptrdiff_t ahead = R * p.weight_stride;
  const TapRows rows = tap_rows_of(p, tile.at->first_row(), tile.at->last_row());
  for (int a = rows.begin; a < rows.end; ++a)
    for (int b = 0; b < p.tap_columns; ++b) {
      const T* in = tile.input + p.in_tap + a * p.in_tap_row + b * p.in_tap_column;
      const T* w = tile.weights + (p.weight_tap + a * p.weight_tap_row + b * p.weight_tap_column) *
                                      p.weight_stride;
      const T* w8 = w + 8 * p.weight_stride;
      for (int v = 0; v < p.vectors; ++v) {
        Vec<T> x[P];
#pragma GCC unroll 4
        for (int i = 0; i < P; ++i) x[i] = load(in + at[i]);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const T* at_row = (r < 8 ? w : w8) + row_at[r % 8];
          __builtin_prefetch(at_row + ahead, 0, 2);  // the next tile's rows of this tap
          const Vec<T> row = load(at_row);
#pragma GCC unroll 4
          for (int i = 0; i < P; ++i) sum[i * R + r] += x[i] * row;
        }
        in += L;
        w += L;
        w8 += L;
      }
    }
  T totals[kSums];
#pragma GCC unroll 4
  for (int i = 0; i < kSums; i += L) {
    const Vec<T> lanes = sums<T>(sum + i);
    __builtin_memcpy(totals + i, &lanes, sizeof(lanes));
  }
  for (int i = 0; i < P; ++i) {
    T* out = tile.output + tile.at->out()[i];
    for (int r = 0; r < R; ++r) out[r] = totals[i * R + r] + (p.accumulate ? out[r] : T(0));
  }
}

template <class T, int P>
void run_rows(const TileProblem<T>& p, DotTile<T> tile) {
  int c = 0;
  const auto take = [&](int rows) {
    c += rows;
    tile.weights += rows * p.weight_stride;
    tile.output += rows;
  };
  if constexpr (P == 1)
    for (; c + kLoneRows <= p.channels; take(kLoneRows)) run<T, P, kLoneRows>(p, tile);
  for (; c + kDotRows <= p.channels; take(kDotRows)) run<T, P, kDotRows>(p, tile);
  for (; c < p.channels; take(1)) run<T, P, 1>(p, tile);
}

}  // namespace

template <class T>
void solve_dots(const TileProblem<T>& p) {
  const int pixels = p.batch * p.rows * p.columns;
  for (int first = 0; first < pixels; first += kDotPixels) {
    const int count = std::min(kDotPixels, pixels - first);
    const PixelOffsets at(p, first, count);
    const DotTile<T> tile{p.input + at.base_in(), p.weights, p.output + at.base_out(), &at};
    switch (count) {
      case 1:
        run_rows<T, 1>(p, tile);
        break;
      case 2:
        run_rows<T, 2>(p, tile);
        break;
      case 3:
        run_rows<T, 3>(p, tile);
        break;
      default:
        run_rows<T, 4>(p, tile);
        break;
    }
  }
}

template void solve_dots(const TileProblem<float>&);
template void solve_dots(const TileProblem<double>&);

}  // namespace stagecoach
