// SPDX-License-Identifier: Apache-2.0
// Forward and input gradient of a convolution as tile problems.
#include <algorithm>

#include "models/kernels/conv_kernels.h"
#include "models/kernels/depthwise.h"
#include "models/kernels/dot_tile.h"
#include "models/kernels/simd.h"
#include "models/kernels/tile_problem.h"

namespace stagecoach {
namespace {

// Weights of one slab of the backward pass; with their transposed copy and their velocity they
// stay in a second-level cache of a megabyte.
constexpr std::int64_t kSlabBytes = 320 * 1024;

/// target[tap][output of the group][input - first] = weights[tap][input of the group][output]
template <class T>
void transpose_weights(const ConvGeometry& g, const T* weights, int first, int count,
                       std::int64_t target_stride, T* target) {
  constexpr int L = kLanes<T>;
  const int in = g.group_in(), out = g.group_out();
  Vec<T> block[L];
  for (int t = 0; t < g.taps(); ++t)
    for (int c = 0; c < count; c += L) {  // L | group_in if there are groups
      const int group = (first + c) / in, channel = (first + c) % in;
      const T* source = weights + (t * in + channel) * g.weight_stride + group * out;
      const int rows = std::min(L, in - channel);
      for (int o = 0; o < out; o += L) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i)
          block[i] = i < rows ? load(source + i * g.weight_stride + o) : Vec<T>{};
        transpose<T>(block);
        T* column = target + (std::int64_t{1} * t * out + o) * target_stride + c;
        const int columns = std::min(L, out - o);
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i)
          if (i < columns) store(column + i * target_stride, block[i]);
      }
    }
}

/// True if dot products beat a transposed copy of the weights. In cycles: two multiply-adds of
/// vectors a cycle on both sides (dot products load more), the copy of a block of kLanes x kLanes,
/// the sum across the lanes of a vector. Measured with tests/bench/kernel_bench.cpp.
template <class T>
bool dots_win(const ConvGeometry& g, int batch) {
  constexpr double kBlock = 6.0 * kLanes<T>, kSum = 5, kDot = 0.62, kTile = 0.5;
  const double in_vectors = static_cast<double>(padded<T>(g.group_in()) / kLanes<T>);
  const double out_vectors = static_cast<double>(padded<T>(g.group_out()) / kLanes<T>);
  const double pixels = 1.0 * batch * g.height * g.width;
  const double products = pixels * g.taps() / (g.stride * g.stride);
  const double tile =
      products * g.group_out() * in_vectors * kTile + g.taps() * in_vectors * out_vectors * kBlock;
  const double dot = products * g.group_in() * out_vectors * kDot + pixels * g.group_in() * kSum;
  return dot < tile;
}

/// Calls solve() for each place of an input pixel between output pixels, since the taps that reach
/// it differ: completes `p`, but for weights, channels and vectors.
template <class T, class Solve>
void for_phases(const ConvGeometry& g, const View<const T>& dy, const View<T>& dx, int tap_rows,
                TileProblem<T>& p, Solve solve) {
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

template <class T>
void clear_pad_lanes(const View<T>& v) {
  const std::int64_t end = padded<T>(v.channels);
  if (end == v.channels) return;
  for (int n = 0; n < v.batch; ++n)
    for (int y = 0; y < v.height; ++y)
      for (int x = 0; x < v.width; ++x)
        std::fill(v.pixel(n, y, x) + v.channels, v.pixel(n, y, x) + end, T(0));
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

template <class T>
TileProblem<T> conv_forward_problem(const ConvGeometry& g, const View<const T>& x) {
  TileProblem<T> p;
  p.batch = x.batch;
  p.rows = g.out_height;
  p.columns = g.out_width;
  p.input = x.data;
  p.in = {x.sample_stride, g.stride * x.row_stride, g.stride * x.pixel_stride};
  p.tap_rows = p.tap_columns = g.kernel;
  p.in_tap = -g.padding * (x.row_stride + x.pixel_stride);
  p.in_tap_row = x.row_stride;
  p.in_tap_column = x.pixel_stride;
  p.weight_tap_row = g.kernel * g.group_in();
  p.weight_tap_column = g.group_in();
  p.first_in_row = -g.padding;
  p.in_row_step = g.stride;
  p.in_rows = g.height;
  p.channels = g.group_in();
  p.weight_stride = g.weight_stride;
  const int channels = g.depthwise() ? g.out_channels : g.group_out();
  p.vectors = static_cast<int>(padded<T>(channels) / kLanes<T>);
  return p;
}

template <class T>
void conv_forward(const ConvGeometry& g, View<const T> x, const T* weights, const T* bias,
                  View<T> y) {
  TileProblem<T> p = conv_forward_problem(g, x);
  p.out = {y.sample_stride, y.row_stride, y.pixel_stride};
  for (int group = 0; group < (g.depthwise() ? 1 : g.groups); ++group) {
    const int first = group * g.group_out();
    p.input = x.data + group * g.group_in();
    p.output = y.data + first;
    p.weights = weights + first;
    p.bias = bias ? bias + first : nullptr;
    if (g.depthwise())
      solve_depthwise(p);
    else
      solve(p);
  }
}

template <class T>
int conv_backward_slab(const ConvGeometry& g) {
  constexpr int L = kLanes<T>;
  const std::int64_t channel_bytes = g.taps() * g.weight_stride * std::int64_t{sizeof(T)};
  const std::int64_t channels = kSlabBytes / channel_bytes / L * L;
  if (g.groups > 1 || channels >= g.in_channels) return g.in_channels;
  return static_cast<int>(std::max<std::int64_t>(channels, 2 * L));
}

template <class T>
std::int64_t conv_input_gradient_scratch(const ConvGeometry& g) {
  return g.depthwise() ? 0 : g.taps() * padded<T>(conv_backward_slab<T>(g)) * g.group_out();
}

template <class T>
void conv_input_gradient(const ConvGeometry& g, View<const T> dy, const T* weights, int first,
                         int count, bool accumulate, View<T> dx, T* scratch) {
  const bool dots = !g.depthwise() && dots_win<T>(g, dx.batch);
  const bool transposed = !g.depthwise() && !dots;
  TileProblem<T> p;
  p.accumulate = accumulate;
  p.weight_stride = transposed ? padded<T>(count) : g.weight_stride;
  if (g.depthwise()) {
    p.vectors = static_cast<int>(padded<T>(g.out_channels) / kLanes<T>);
  } else if (dots) {
    p.channels = g.groups == 1 ? count : g.group_in();
    p.vectors = static_cast<int>(padded<T>(g.group_out()) / kLanes<T>);
  } else {
    p.channels = g.group_out();
    p.vectors = static_cast<int>((g.groups == 1 ? p.weight_stride : g.group_in()) / kLanes<T>);
    transpose_weights(g, weights, first, count, p.weight_stride, scratch);
  }
  // Rows of the weights that a tap has, as they lie or in the transposed copy.
  const int tap_rows = transposed ? g.group_out() : g.group_in();
  for_phases(g, dy, dx, tap_rows, p, [&] {
    const T *input = p.input, *from = transposed ? scratch : weights + first * g.weight_stride;
    T* output = p.output + first;
    for (int group = 0; group < (g.depthwise() ? 1 : g.groups); ++group) {
      p.input = input + group * g.group_out();
      p.output = output + group * g.group_in();
      p.weights = from + group * (transposed ? g.group_in() : g.group_out());
      if (g.depthwise())
        solve_depthwise(p);
      else if (dots)
        solve_dots(p);
      else
        solve(p);
    }
  });
  if (dots && first + count == g.in_channels) clear_pad_lanes(dx);
}

template void conv_forward(const ConvGeometry&, View<const float>, const float*, const float*,
                           View<float>);
template void conv_forward(const ConvGeometry&, View<const double>, const double*, const double*,
                           View<double>);
template TileProblem<float> conv_forward_problem(const ConvGeometry&, const View<const float>&);
template TileProblem<double> conv_forward_problem(const ConvGeometry&, const View<const double>&);
template int conv_backward_slab<float>(const ConvGeometry&);
template int conv_backward_slab<double>(const ConvGeometry&);
template std::int64_t conv_input_gradient_scratch<float>(const ConvGeometry&);
template std::int64_t conv_input_gradient_scratch<double>(const ConvGeometry&);
template void conv_input_gradient(const ConvGeometry&, View<const float>, const float*, int, int,
                                  bool, View<float>, float*);
template void conv_input_gradient(const ConvGeometry&, View<const double>, const double*, int, int,
                                  bool, View<double>, double*);

}  // namespace stagecoach
