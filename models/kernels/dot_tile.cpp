// SPDX-License-Identifier: Apache-2.0
// Register tiles of dot products: some pixels by some weight rows.
#include "models/kernels/dot_tile.h"

#include <algorithm>

namespace stagecoach {
namespace {

constexpr int kDotPixels = 4;
constexpr int kDotRows = kVectorRegisters == 32 ? 4 : 2;  // with several pixels
constexpr int kLoneRows = 4 * kDotRows;                   // with a single one

// Tiles of pixels that meet some weight rows before the next rows are taken.
constexpr int kSetTiles = 8;

struct DotTile {
  const float* input;
  const float* weights;  ///< row (0,0) of the tile's first channel
  float* output;
  const PixelOffsets* at;
};

/// P pixels by R rows; P * R sums in registers, added up across lanes at the end.
template <int P, int R>
[[gnu::noinline]] void run(const TileProblem& p, const DotTile& tile) {
  constexpr int L = kLanes<float>;
  constexpr int kSums = (P * R + L - 1) / L * L;
  Vec sum[kSums] = {};
  std::ptrdiff_t at[P], row_at[R < 8 ? R : 8];
  for (int i = 0; i < P; ++i) at[i] = tile.at->in()[i];
  for (int r = 0; r < R && r < 8; ++r) row_at[r] = r * p.weight_stride;
  const TapRows rows = tap_rows_of(p, tile.at->first_row(), tile.at->last_row());
  for (int a = rows.begin; a < rows.end; ++a)
    for (int b = 0; b < p.tap_columns; ++b) {
      const float* in = tile.input + p.in_tap + a * p.in_tap_row + b * p.in_tap_column;
      const float* w =
          tile.weights +
          (p.weight_tap + a * p.weight_tap_row + b * p.weight_tap_column) * p.weight_stride;
      const float* w8 = w + 8 * p.weight_stride;
      for (int v = 0; v < p.vectors; ++v) {
        Vec x[P];
#pragma GCC unroll 4
        for (int i = 0; i < P; ++i) x[i] = load(in + at[i]);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          Vec row = load((r < 8 ? w : w8) + row_at[r % 8]);
          if (P > 1) keep_in_register(row);
#pragma GCC unroll 4
          for (int i = 0; i < P; ++i) sum[i * R + r] += x[i] * row;
        }
        in += L;
        w += L;
        w8 += L;
      }
    }
  float totals[kSums];
#pragma GCC unroll 4
  for (int i = 0; i < kSums; i += L) {
    const Vec lanes = sums(sum + i);
    __builtin_memcpy(totals + i, &lanes, sizeof(lanes));
  }
  for (int i = 0; i < P; ++i) {
    float* out = tile.output + tile.at->out()[i];
    for (int r = 0; r < R; ++r) out[r] = totals[i * R + r] + (p.accumulate ? out[r] : float(0));
  }
}

template <int R>
void run_rows(const TileProblem& p, const DotTile& tile, int pixels) {
  if constexpr (R > kDotRows) {
    run<1, R>(p, tile);
  } else {
    switch (pixels) {
      case 1:
        return run<1, R>(p, tile);
      case 2:
        return run<2, R>(p, tile);
      case 3:
        return run<3, R>(p, tile);
      default:
        return run<4, R>(p, tile);
    }
  }
}

/// All weight rows for a set of pixels, which are in tiles of kDotPixels and a last smaller one:
/// the rows come from memory once.
void run_set(const TileProblem& p, const PixelOffsets* tiles, int pixels) {
  for (int c = 0, rows = 0; c < p.channels; c += rows) {
    const int left = p.channels - c;
    rows = pixels == 1 && left >= kLoneRows ? kLoneRows : std::min(left, kDotRows);
    for (int first = 0; first < pixels; first += kDotPixels, ++tiles) {
      const DotTile tile{p.input + tiles->base_in(), p.weights + c * p.weight_stride,
                         p.output + tiles->base_out() + c, tiles};
      const int count = std::min(kDotPixels, pixels - first);
      switch (rows) {
        case 1:
          run_rows<1>(p, tile, count);
          break;
        case 2:
          run_rows<2>(p, tile, count);
          break;
        case 3:
          run_rows<3>(p, tile, count);
          break;
        case 4:
          run_rows<4>(p, tile, count);
          break;
        default:
          run_rows<kLoneRows>(p, tile, count);
          break;
      }
    }
    tiles -= (pixels + kDotPixels - 1) / kDotPixels;
  }
}

}  // namespace

void solve_dots(const TileProblem& p) {
  const int all = p.batch * p.rows * p.columns;
  PixelOffsets tiles[kSetTiles];
  for (int first = 0; first < all; first += kSetTiles * kDotPixels) {
    const int pixels = std::min(kSetTiles * kDotPixels, all - first);
    for (int i = 0; i * kDotPixels < pixels; ++i)
      tiles[i] =
          PixelOffsets(p, first + i * kDotPixels, std::min(kDotPixels, pixels - i * kDotPixels));
    run_set(p, tiles, pixels);
  }
}

}  // namespace stagecoach
