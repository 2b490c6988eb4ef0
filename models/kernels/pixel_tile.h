// SPDX-License-Identifier: Apache-2.0
// The register tile of forward and input gradient: some pixels by some vectors of channels.
//
// A tile holds P x NV vectors of sums. For every step (one input channel of one tap) it loads NV
// vectors of weights and multiplies them with one broadcast input of each pixel. Pixels lie
// anywhere: their offsets stay in general registers, so that one kernel serves any stride, row
// length and batch.
#pragma once

#include <cstddef>

#include "models/kernels/simd.h"

namespace stagecoach {

/// The steps of a tile: runs of consecutive channels (a multiple of kRunUnroll), then single ones.
/// Offsets are in elements, of the input relative to the pixel, of the weights to the first row.
struct Steps {
  static constexpr int kMaxRuns = 128;
  static constexpr int kMaxSingles = 384;
  struct Step {
    std::ptrdiff_t input;
    std::ptrdiff_t weight;
  };
  int runs = 0;
  int run_channels = 0;
  int singles = 0;
  Step run[kMaxRuns];
  Step single[kMaxSingles];
};

constexpr int kRunUnroll = 4;

/// Pixels of a tile: kLanes-independent because offsets use general registers, which are 16.
constexpr int kTilePixels = kVectorRegisters == 32 ? 8 : 4;

template <class T>
struct PixelTile {
  const Steps* steps;
  const T* input;                ///< pixel 0
  const std::ptrdiff_t* in_at;   ///< offsets of the pixels from `input`
  const T* weights;              ///< first row, at the tile's first channel
  std::ptrdiff_t weight_stride;  ///< between rows
  T* output;
  const std::ptrdiff_t* out_at;
  const T* bias;    ///< start value; null: zero
  bool accumulate;  ///< start from what the output holds instead
};

template <class T, int P, int NV>
[[gnu::noinline]] void run_pixel_tile(const PixelTile<T>& tile) {
  constexpr int L = kLanes<T>;
  // A lone vector of channels has too few sums to hide the latency of a multiply-add: alternate.
  constexpr int kSets = NV == 1 && 2 * P + 4 <= kVectorRegisters ? 2 : 1;
  Vec<T> sum[kSets][P][NV];
  std::ptrdiff_t at[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) at[p] = tile.in_at[p];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      sum[0][p][v] = Vec<T>{};
      if (tile.accumulate)
        sum[0][p][v] = load(tile.output + tile.out_at[p] + v * L);
      else if (tile.bias)
        sum[0][p][v] = load(tile.bias + v * L);
      if (kSets == 2) sum[kSets - 1][p][v] = Vec<T>{};
    }
  const auto step = [&](const T* in, const T* w, Vec<T>(&s)[P][NV]) {
    Vec<T> b[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) b[v] = load(w + v * L);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      const T a = in[at[p]];
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) s[p][v] += a * b[v];
    }
  };
  const Steps& steps = *tile.steps;
  const std::ptrdiff_t stride = tile.weight_stride;
  for (int r = 0; r < steps.runs; ++r) {
    const T* in = tile.input + steps.run[r].input;
    const T* w = tile.weights + steps.run[r].weight;
    for (int c = steps.run_channels; c > 0; c -= kRunUnroll) {
#pragma GCC unroll 4
      for (int u = 0; u < kRunUnroll; ++u) {
        step(in + u, w, sum[u % kSets]);
        w += stride;
      }
      in += kRunUnroll;
    }
  }
  int s = 0;
  for (; s + kSets <= steps.singles; s += kSets)
#pragma GCC unroll 2
    for (int u = 0; u < kSets; ++u)
      step(tile.input + steps.single[s + u].input, tile.weights + steps.single[s + u].weight,
           sum[u]);
  if (s < steps.singles)
    step(tile.input + steps.single[s].input, tile.weights + steps.single[s].weight, sum[0]);
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      Vec<T> result = sum[0][p][v];
      if (kSets == 2) result += sum[kSets - 1][p][v];
      store(tile.output + tile.out_at[p] + v * L, result);
    }
}

/// The same for `pixels` <= kTilePixels and `vectors` <= 3.
template <class T>
void run_pixel_tile(const PixelTile<T>& tile, int pixels, int vectors);

}  // namespace stagecoach
