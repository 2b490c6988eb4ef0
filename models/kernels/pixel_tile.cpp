// SPDX-License-Identifier: Apache-2.0
// All sizes of the tile of pixel_tile.h.
#include "models/kernels/pixel_tile.h"

#include <algorithm>
#include <utility>

namespace stagecoach {
namespace {

constexpr int kRowsAhead = 32;

template <int P, int NV>
[[gnu::always_inline]] inline void start(const PixelTile& tile, const std::ptrdiff_t (&out_at)[P],
                                         Vec (&sum)[P][NV]) {
  constexpr int L = kLanes<float>;
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      sum[p][v] = Vec{};
      if (tile.accumulate)
        sum[p][v] = load(tile.output + out_at[p] + v * L);
      else if (tile.bias)
        sum[p][v] = load(tile.bias + v * L);
    }
}

template <int P, int NV>
[[gnu::always_inline]] inline void finish(const PixelTile& tile, const std::ptrdiff_t (&out_at)[P],
                                          Vec (&sum)[P][NV], Vec (&other)[P][NV], bool add_other) {
  constexpr int L = kLanes<float>;
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      float* const output = tile.output + out_at[p] + v * L;
      const Vec total = add_other ? sum[p][v] + other[p][v] : sum[p][v];
      store(output, tile.add ? load(output) + total : total);
    }
}

/// S: compile-time distance of the pixels; 0: any offsets, in registers.
template <int P, int NV, int S>
[[gnu::always_inline]] inline void run_tile(const PixelTile& tile,
                                            const std::ptrdiff_t (&out_at)[P]) {
  constexpr int L = kLanes<float>;
  // A lone vector of channels may have too few sums to hide the latency of a multiply-add: then
  // even and odd steps add to different ones.
  constexpr int kSets = NV == 1 && P <= 8 && 2 * P + 4 <= kVectorRegisters ? 2 : 1;
  Vec sum[kSets][P][NV];
  std::ptrdiff_t at[P];
#pragma GCC unroll 16
  for (int p = 1; p < P; ++p) at[p] = S ? p * S : tile.in_at[p];
  start<P, NV>(tile, out_at, sum[0]);
#pragma GCC unroll 16
  for (int p = 0; kSets == 2 && p < P; ++p) sum[kSets - 1][p][0] = Vec{};
  const std::ptrdiff_t stride = tile.weight_stride;
  const auto step = [&](const float* in, const float* w, Vec(&s)[P][NV]) {
    // Few pixels wait for memory, and the machine does not foresee pieces of rows.
    if (NV >= 4) {
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) __builtin_prefetch(w + kRowsAhead * stride + v * L, 0, 2);
    }
    Vec b[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) b[v] = load(w + v * L);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      const float a = p == 0 ? *in : in[at[p]];  // pixel 0 is where `input` points
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) s[p][v] += a * b[v];
    }
  };
  const Steps& steps = *tile.steps;
  for (int r = tile.first_run; r < tile.end_run; ++r) {
    const float* in = tile.input + steps.run[r].input;
    const float* w = tile.weights + steps.run[r].weight;
    for (int c = steps.run_channels; c > 0; c -= kRunUnroll) {
      // Keeps the compiler from precomputing (and spilling) one address for each pixel and step.
      if (S == 0) {
#pragma GCC unroll 16
        for (int p = 1; p < P; ++p) asm("" : "+r"(at[p]));
      }
#pragma GCC unroll 4
      for (int u = 0; u < kRunUnroll; ++u) {
        step(in + u, w, sum[u % kSets]);
        w += stride;
      }
      in += kRunUnroll;
    }
  }
  int s = tile.first_single;
  for (; s + kSets <= tile.end_single; s += kSets)
#pragma GCC unroll 2
    for (int u = 0; u < kSets; ++u)
      step(tile.input + steps.single[s + u].input, tile.weights + steps.single[s + u].weight,
           sum[u]);
  if (s < tile.end_single)
    step(tile.input + steps.single[s].input, tile.weights + steps.single[s].weight, sum[0]);
  finish<P, NV>(tile, out_at, sum[0], sum[kSets - 1], kSets == 2);
}

template <int P, int NV>
void run_any(const PixelTile& tile) {
  std::ptrdiff_t out_at[P];
  for (int p = 0; p < P; ++p) out_at[p] = tile.out_at[p];
  run_tile<P, NV, 0>(tile, out_at);
}

template <int P, int NV, int S>
void run_row(const PixelTile& tile, std::ptrdiff_t out_step) {
  std::ptrdiff_t out_at[P];
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p) out_at[p] = p * out_step;
  run_tile<P, NV, S>(tile, out_at);
}

template <int NV, int... P>
void dispatch(const PixelTile& tile, int pixels, std::integer_sequence<int, P...>) {
  using Kernel = void (*)(const PixelTile&);
  static constexpr Kernel kernels[] = {&run_any<P + 1, NV>...};
  kernels[pixels - 1](tile);
}

template <int P, int NV>
RowKernel row_kernel_of(std::ptrdiff_t in_step) {
  switch (in_step) {
    case 16:
      return {&run_row<P, NV, 16>, P, NV};
    case 32:
      return {&run_row<P, NV, 32>, P, NV};
    case 64:
      return {&run_row<P, NV, 64>, P, NV};
    case 128:
      return {&run_row<P, NV, 128>, P, NV};
    case 256:
      return {&run_row<P, NV, 256>, P, NV};
    case 512:
      return {&run_row<P, NV, 512>, P, NV};
    default:
      return {};
  }
}

template <int NV, int P, int... kOthers>
RowKernel first_that_divides(std::ptrdiff_t in_step, int columns) {
  if (columns % P == 0) return row_kernel_of<P, NV>(in_step);
  if constexpr (sizeof...(kOthers) > 0) return first_that_divides<NV, kOthers...>(in_step, columns);
  return {};
}

}  // namespace

int tile_vectors(int pixels, int left) {
  if (pixels * 8 <= kTileSums && left >= 8) return 8;
  if (pixels * 4 <= kTileSums && left >= 4) return 4;
  constexpr int kMaxVectors = kVectorRegisters == 32 ? 3 : 2;
  return left % 2 && left >= kMaxVectors ? kMaxVectors : std::min(left, 2);
}

void run_pixel_tile(const PixelTile& tile, int pixels, int vectors) {
  using Pixels = std::make_integer_sequence<int, kTilePixels>;
  using Few = std::make_integer_sequence<int, kTileSums / 4>;
  using Fewer = std::make_integer_sequence<int, kTileSums / 8>;
  switch (vectors) {
    case 1:
      return dispatch<1>(tile, pixels, Pixels());
    case 2:
      return dispatch<2>(tile, pixels, Pixels());
    case 3:
      return dispatch<3>(tile, pixels, Pixels());
    case 4:
      return dispatch<4>(tile, pixels, Few());
    default:
      return dispatch<8>(tile, pixels, Fewer());
  }
}

RowKernel row_kernel(std::ptrdiff_t in_step, int columns, int left) {
  const bool odd = left % 2;
  if (kVectorRegisters == 32) {
    if (left == 1) return first_that_divides<1, 16, 14, 12, 10, 8, 7>(in_step, columns);
    return odd ? RowKernel() : first_that_divides<2, 8, 7, 6, 5>(in_step, columns);
  }
  if (left == 1) return first_that_divides<1, 8, 7, 6, 5>(in_step, columns);
  return odd ? RowKernel() : first_that_divides<2, 4, 3>(in_step, columns);
}

}  // namespace stagecoach
