// SPDX-License-Identifier: Apache-2.0
// Forward and input gradient of a convolution are one problem: for every pixel, a grid of taps, for
// every tap a run of channels, each times a row of weights.
#pragma once

#include <algorithm>
#include <cstddef>

#include "models/kernels/simd.h"

namespace stagecoach {

/// Distances in elements between neighbours.
struct PixelStrides {
  std::ptrdiff_t sample = 0;
  std::ptrdiff_t row = 0;
  std::ptrdiff_t pixel = 0;
};

/// out[n,y,x,:] (= bias, 0 or +=) sum over taps (a,b) and channels c of
///     in[pixel(n,y,x) + tap(a,b) + c] * weights[row(a,b) + c][:]
struct TileProblem {
  int batch = 1, rows = 1, columns = 1;  ///< pixels to compute
  const float* input = nullptr;
  PixelStrides in;
  float* output = nullptr;
  PixelStrides out;
  int tap_rows = 1, tap_columns = 1;
  std::ptrdiff_t in_tap = 0, in_tap_row = 0, in_tap_column = 0;              ///< first, steps
  std::ptrdiff_t weight_tap = 0, weight_tap_row = 0, weight_tap_column = 0;  ///< in weight rows
  /// Row a of the taps of pixel row y lies in row first_in_row + y * in_row_step + a * tap_step of
  /// an input of `in_rows`; outside are zeros, which need not be multiplied.
  int first_in_row = 0, in_row_step = 1, tap_step = 1, in_rows = 1;
  int channels = 1;                  ///< summed over, for each tap
  const float* weights = nullptr;    ///< at the first output channel
  std::ptrdiff_t weight_stride = 0;  ///< elements of a weight row
  int vectors = 1;                   ///< output channels computed, in whole vectors
  const float* bias = nullptr;
  bool accumulate = false;
};

/// Rows of taps [begin, end) that meet more than zeros in pixel rows [first, last].
struct TapRows {
  int begin, end;
};
inline TapRows tap_rows_of(const TileProblem& p, int first, int last) {
  const auto empty = [&](int a) {
    const int top = p.first_in_row + first * p.in_row_step + a * p.tap_step;
    const int bottom = p.first_in_row + last * p.in_row_step + a * p.tap_step;
    return bottom < 0 || top >= p.in_rows;
  };
  TapRows rows{0, p.tap_rows};
  while (rows.begin < rows.end && empty(rows.begin)) ++rows.begin;
  while (rows.begin < rows.end && empty(rows.end - 1)) --rows.end;
  return rows;
}

/// Solves it with register tiles; weights beyond the cache are read in blocks of rows, once.
void solve(const TileProblem& problem);

/// Where pixels [first, first + count) of the problem lie, relative to pixel `first`.
class PixelOffsets {
 public:
  static constexpr int kMax = 8;

  PixelOffsets() = default;

  PixelOffsets(const TileProblem& p, int first, int count) {
    const int image = p.rows * p.columns;
    int n = first / image, y = first % image / p.columns, x = first % p.columns;
    last_row_ = first_row_ = y;
    base_in_ = n * p.in.sample + y * p.in.row + x * p.in.pixel;
    base_out_ = n * p.out.sample + y * p.out.row + x * p.out.pixel;
    for (int i = 0; i < count; ++i) {
      in_[i] = n * p.in.sample + y * p.in.row + x * p.in.pixel - base_in_;
      out_[i] = n * p.out.sample + y * p.out.row + x * p.out.pixel - base_out_;
      first_row_ = std::min(first_row_, y);
      last_row_ = std::max(last_row_, y);
      if (++x == p.columns) {
        x = 0;
        if (++y == p.rows) {
          y = 0;
          ++n;
        }
      }
    }
  }
  std::ptrdiff_t base_in() const { return base_in_; }
  std::ptrdiff_t base_out() const { return base_out_; }
  int first_row() const { return first_row_; }  ///< of any sample
  int last_row() const { return last_row_; }
  const std::ptrdiff_t* in() const { return in_; }
  const std::ptrdiff_t* out() const { return out_; }

 private:
  int first_row_, last_row_;
  std::ptrdiff_t base_in_, base_out_;
  std::ptrdiff_t in_[kMax], out_[kMax];
};

}  // namespace stagecoach
