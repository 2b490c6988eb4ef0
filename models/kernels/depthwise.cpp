// SPDX-License-Identifier: Apache-2.0
// A few pixels of a row by one vector of channels at a time.
#include "models/kernels/depthwise.h"

#include <algorithm>

namespace stagecoach {
namespace {

constexpr int kPixels = 4;

template <class T>
std::ptrdiff_t tap_at(const TileProblem<T>& p, int a, int b) {
  return p.in_tap + a * p.in_tap_row + b * p.in_tap_column;
}

template <class T>
std::ptrdiff_t row_at(const TileProblem<T>& p, int a, int b) {
  return (p.weight_tap + a * p.weight_tap_row + b * p.weight_tap_column) * p.weight_stride;
}

/// P neighbouring pixels of one vector of channels.
template <class T, int P>
void run(const TileProblem<T>& p, const TapRows& rows, const T* in, const T* weights, const T* bias,
         T* out) {
  Vec<T> sum[P];
#pragma GCC unroll 4
  for (int i = 0; i < P; ++i)
    sum[i] = p.accumulate ? load(out + i * p.out.pixel) : bias ? load(bias) : Vec<T>{};
  for (int a = rows.begin; a < rows.end; ++a)
    for (int b = 0; b < p.tap_columns; ++b) {
      const Vec<T> w = load(weights + row_at(p, a, b));
      const T* x = in + tap_at(p, a, b);
#pragma GCC unroll 4
      for (int i = 0; i < P; ++i) sum[i] += load(x + i * p.in.pixel) * w;
    }
#pragma GCC unroll 4
  for (int i = 0; i < P; ++i) store(out + i * p.out.pixel, sum[i]);
}

}  // namespace

template <class T>
void solve_depthwise(const TileProblem<T>& p) {
  for (int n = 0; n < p.batch; ++n)
    for (int y = 0; y < p.rows; ++y) {
      const TapRows rows = tap_rows_of(p, y, y);
      for (int v = 0; v < p.vectors; ++v) {
        const std::ptrdiff_t c = v * kLanes<T>;
        const T* in = p.input + n * p.in.sample + y * p.in.row + c;
        T* out = p.output + n * p.out.sample + y * p.out.row + c;
        const T* bias = p.bias ? p.bias + c : nullptr;
        int x = 0;
        for (; x + kPixels <= p.columns; x += kPixels)
          run<T, kPixels>(p, rows, in + x * p.in.pixel, p.weights + c, bias, out + x * p.out.pixel);
        for (; x < p.columns; ++x)
          run<T, 1>(p, rows, in + x * p.in.pixel, p.weights + c, bias, out + x * p.out.pixel);
      }
    }
}

template <class T>
void depthwise_weight_gradient(const TileProblem<T>& p, const T* dy, const PixelStrides& dy_strides,
                               const RowTarget<T>& target) {
  for (int tap = 0; tap < p.tap_rows * p.tap_columns; ++tap) {
    const int a = tap / p.tap_columns, b = tap % p.tap_columns;
    for (int v = 0; v < p.vectors; ++v) {
      const std::ptrdiff_t c = v * kLanes<T>, at = row_at(p, a, b) + c;
      Vec<T> sum[kPixels] = {};
      for (int n = 0; n < p.batch; ++n)
        for (int y = 0; y < p.rows; ++y) {
          const T* x = p.input + n * p.in.sample + y * p.in.row + tap_at(p, a, b) + c;
          const T* g = dy + n * dy_strides.sample + y * dy_strides.row + c;
          int j = 0;
          for (; j + kPixels <= p.columns; j += kPixels)
#pragma GCC unroll 4
            for (int i = 0; i < kPixels; ++i, x += p.in.pixel, g += dy_strides.pixel)
              sum[i] += load(x) * load(g);
          for (; j < p.columns; ++j, x += p.in.pixel, g += dy_strides.pixel)
            sum[0] += load(x) * load(g);
        }
      const Vec<T> total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      if (target.update)
        update_vector(total, target.coefficients, target.weights + at, target.velocity + at,
                      target.predicted ? target.predicted + at : nullptr);
      else
        store(target.sums + at, target.start_from_sums ? load(target.sums + at) + total : total);
    }
  }
}

template void solve_depthwise(const TileProblem<float>&);
template void solve_depthwise(const TileProblem<double>&);
template void depthwise_weight_gradient(const TileProblem<float>&, const float*,
                                        const PixelStrides&, const RowTarget<float>&);
template void depthwise_weight_gradient(const TileProblem<double>&, const double*,
                                        const PixelStrides&, const RowTarget<double>&);

}  // namespace stagecoach
