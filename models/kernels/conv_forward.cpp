// SPDX-License-Identifier: Apache-2.0
// Forward and input gradient of a convolution as tile problems.
#include <algorithm>

#include "models/base/maps.h"
#include "models/kernels/conv_kernels.h"
#include "models/kernels/dot_tile.h"
#include "models/kernels/long_sums.h"
#include "models/kernels/simd.h"
#include "models/kernels/tile_problem.h"

namespace stagecoach {
namespace {

// Weights of one slab of the backward pass; with their transposed copy and their velocity they
// stay in a second-level cache of a megabyte.
constexpr std::int64_t kSlabBytes = 320 * 1024;

/// target[tap][output][input - first] = weights[tap][input][output]
void transpose_weights(const ConvGeometry& g, const float* weights, int first, int count,
                       std::int64_t target_stride, float* target) {
  constexpr int L = kLanes<float>;
  Vec block[L];
  for (int t = 0; t < g.taps(); ++t)
    for (int c = 0; c < count; c += L) {
      const float* source = weights + (t * g.in_channels + first + c) * g.weight_stride;
      const int rows = std::min(L, g.in_channels - first - c);
      for (int o = 0; o < g.out_channels; o += L) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i)
          block[i] = i < rows ? load(source + i * g.weight_stride + o) : Vec{};
        transpose(block);
        float* column = target + (std::int64_t{1} * t * g.out_channels + o) * target_stride + c;
        const int columns = std::min(L, g.out_channels - o);
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i)
          if (i < columns) store(column + i * target_stride, block[i]);
      }
    }
}

/// Calls solve() for each place of an input pixel between output pixels, since the taps that reach
/// it differ: completes `p`, but for weights, channels and vectors.
template <class Solve>
void for_phases(const ConvGeometry& g, const View<const float>& dy, const View<float>& dx,
                int tap_rows, TileProblem& p, Solve solve) {
  const int s = g.stride;
  p.batch = dx.batch;
  p.in = {dy.sample_stride, dy.row_stride, dy.pixel_stride};
  p.out = {dx.sample_stride, s * dx.row_stride, s * dx.pixel_stride};
  p.in_tap_row = -dy.row_stride;
  p.in_tap_column = -dy.pixel_stride;
  p.weight_tap_row = s * g.kernel * tap_rows;
  p.weight_tap_column = s * tap_rows;
  p.tap_step = -1;
  p.in_rows = g.out_height;
  for (int row = 0; row < s; ++row)
    for (int column = 0; column < s; ++column) {
      p.rows = (g.height - row + s - 1) / s;
      p.columns = (g.width - column + s - 1) / s;
      const int tap_row = (row + g.padding) % s, tap_column = (column + g.padding) % s;
      p.tap_rows = std::max(0, (g.kernel - tap_row + s - 1) / s);
      p.tap_columns = std::max(0, (g.kernel - tap_column + s - 1) / s);
      if (p.rows <= 0 || p.columns <= 0) continue;
      if (p.accumulate && p.tap_rows * p.tap_columns == 0) continue;
      p.first_in_row = (row + g.padding) / s;
      p.in_tap = (row + g.padding) / s * dy.row_stride + (column + g.padding) / s * dy.pixel_stride;
      p.weight_tap = (tap_row * g.kernel + tap_column) * tap_rows;
      p.input = dy.data;
      p.output = dx.data + row * dx.row_stride + column * dx.pixel_stride;
      solve();
    }
}

}  // namespace

int conv_gradient_halo(const ConvGeometry& g) {
  // Input row i meets output rows (i + padding - k) / stride for the taps k that divide.
  int halo = 0;
  const auto reach = [&](int size, int out_size) {
    for (int i = 0; i < size; ++i) {
      const int first_tap = (i + g.padding) % g.stride;
      if (first_tap >= g.kernel) continue;
      const int last_tap = first_tap + (g.kernel - 1 - first_tap) / g.stride * g.stride;
      halo = std::max({halo, (i + g.padding - first_tap) / g.stride - (out_size - 1),
                       -((i + g.padding - last_tap) / g.stride)});
    }
  };
  reach(g.height, g.out_height);
  reach(g.width, g.out_width);
  return halo;
}

std::int64_t conv_forward_scratch(const ConvGeometry& g) {
  return is_long_sum(g.taps(), g.in_channels) ? long_sum_scratch(g.weight_stride) : 0;
}

void conv_forward(const ConvGeometry& g, View<const float> x, const float* weights,
                  const float* bias, View<float> y, float* scratch) {
  TileProblem p;
  p.batch = x.batch;
  p.rows = g.out_height;
  p.columns = g.out_width;
  p.input = x.data;
  p.in = {x.sample_stride, g.stride * x.row_stride, g.stride * x.pixel_stride};
  p.output = y.data;
  p.out = {y.sample_stride, y.row_stride, y.pixel_stride};
  p.tap_rows = p.tap_columns = g.kernel;
  p.in_tap = -g.padding * (x.row_stride + x.pixel_stride);
  p.in_tap_row = x.row_stride;
  p.in_tap_column = x.pixel_stride;
  p.weight_tap_row = g.kernel * g.in_channels;
  p.weight_tap_column = g.in_channels;
  p.first_in_row = -g.padding;
  p.in_row_step = g.stride;
  p.in_rows = g.height;
  p.channels = g.in_channels;
  p.weights = weights;
  p.weight_stride = g.weight_stride;
  p.vectors = static_cast<int>(g.weight_stride / kLanes<float>);
  p.bias = bias;
  if (is_long_sum(g.taps(), g.in_channels))
    solve_long(p, scratch);
  else
    solve(p);
}

int conv_backward_slab(const ConvGeometry& g) {
  constexpr int L = kLanes<float>;
  const std::int64_t channel_bytes = g.taps() * g.weight_stride * std::int64_t{sizeof(float)};
  const std::int64_t channels = kSlabBytes / channel_bytes / L * L;
  if (channels >= g.in_channels) return g.in_channels;
  return static_cast<int>(std::max<std::int64_t>(channels, 2 * L));
}

// What is faster, dot products or a transposed copy of the weights. In cycles: two multiply-adds of
// vectors a cycle on both sides (dot products load more), the copy of a block of kLanes x kLanes,
// the sum across the lanes of a vector. Measured with tests/bench/kernel_bench.cpp.
bool conv_takes_dot_products(const ConvGeometry& g, int batch) {
  constexpr double kBlock = 6.0 * kLanes<float>, kSum = 5, kDot = 0.62, kTile = 0.5;
  const double in_vectors = static_cast<double>(padded<float>(g.in_channels) / kLanes<float>);
  const double out_vectors = static_cast<double>(padded<float>(g.out_channels) / kLanes<float>);
  const double pixels = 1.0 * batch * g.height * g.width;
  const double products = pixels * g.taps() / (g.stride * g.stride);
  const double tile =
      products * g.out_channels * in_vectors * kTile + g.taps() * in_vectors * out_vectors * kBlock;
  const double dot = products * g.in_channels * out_vectors * kDot + pixels * g.in_channels * kSum;
  return dot < tile;
}

namespace {

/// Floats of a slab's transposed weights.
std::int64_t transposed_elements(const ConvGeometry& g) {
  return g.taps() * padded<float>(conv_backward_slab(g)) * g.out_channels;
}

}  // namespace

std::int64_t conv_input_gradient_scratch(const ConvGeometry& g) {
  const std::int64_t width = padded<float>(conv_backward_slab(g));
  return transposed_elements(g) +
         (is_long_sum(g.taps(), g.out_channels) ? long_sum_scratch(width) : 0);
}

void conv_input_gradient(const ConvGeometry& g, View<const float> dy, const float* weights,
                         int first, int count, bool accumulate, View<float> dx, float* scratch) {
  const bool dots = conv_takes_dot_products(g, dx.batch);
  TileProblem p;
  p.accumulate = accumulate;
  if (dots) {
    p.weights = weights + first * g.weight_stride;
    p.weight_stride = g.weight_stride;
    p.channels = count;
    p.vectors = static_cast<int>(g.weight_stride / kLanes<float>);
  } else {
    p.weights = scratch;
    p.weight_stride = padded<float>(count);
    p.channels = g.out_channels;
    p.vectors = static_cast<int>(p.weight_stride / kLanes<float>);
    transpose_weights(g, weights, first, count, p.weight_stride, scratch);
  }
  // Rows of the weights that a tap has, as they lie or in the transposed copy.
  const int tap_rows = dots ? g.in_channels : g.out_channels;
  const bool is_long = is_long_sum(g.taps(), dots ? p.vectors : p.channels);
  float* const sums = scratch + transposed_elements(g);
  for_phases(g, dy, dx, tap_rows, p, [&] {
    p.output += first;
    if (is_long)
      dots ? solve_long_dots(p, sums) : solve_long(p, sums);
    else
      dots ? solve_dots(p) : solve(p);
  });
  if (dots && first + count == g.in_channels) clear_pads(dx);
}

}  // namespace stagecoach
