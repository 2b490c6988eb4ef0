// SPDX-License-Identifier: Apache-2.0
// Cuts long sums into blocks of terms, for some pixels at a time.
#include "models/kernels/long_sums.h"

#include <algorithm>

#include "models/base/maps.h"
#include "models/kernels/dot_tile.h"

namespace stagecoach {
namespace {

/// Some columns of some rows of one sample.
TileProblem piece_of(const TileProblem& p, int sample, int row, int rows, int column, int columns) {
  TileProblem piece = p;
  piece.batch = 1;
  piece.rows = rows;
  piece.columns = columns;
  piece.input += sample * p.in.sample + row * p.in.row + column * p.in.pixel;
  piece.output += sample * p.out.sample + row * p.out.row + column * p.out.pixel;
  piece.first_in_row += row * p.in_row_step;
  return piece;
}

/// Taps [column, column + columns) of one row of taps.
TileProblem taps_of(const TileProblem& p, int row, int column, int columns) {
  TileProblem taps = p;
  taps.tap_rows = 1;
  taps.tap_columns = columns;
  taps.in_tap += row * p.in_tap_row + column * p.in_tap_column;
  taps.weight_tap += row * p.weight_tap_row + column * p.weight_tap_column;
  taps.first_in_row += row * p.tap_step;
  return taps;
}

/// A way to solve: what a tap sums, how to cut that, and elements of an output pixel.
struct Tiles {
  int terms(const TileProblem& p) const { return p.channels; }
  std::int64_t width(const TileProblem& p) const { return std::int64_t{p.vectors} * kLanes<float>; }
  void cut(TileProblem& p, int first, int count) const {
    p.input += first;
    p.weights += first * p.weight_stride;
    p.channels = count;
  }
  void run(const TileProblem& p) const { solve(p); }
};
struct Dots {
  int terms(const TileProblem& p) const { return p.vectors; }
  std::int64_t width(const TileProblem& p) const { return p.channels; }
  void cut(TileProblem& p, int first, int count) const {
    p.input += first * kLanes<float>;
    p.weights += first * kLanes<float>;
    p.vectors = count;
  }
  void run(const TileProblem& p) const { solve_dots(p); }
};

/// Calls body(problem) for blocks of at most kPlainTerms terms.
template <class Way, class Body>
void for_each_block(const Way& way, const TileProblem& p, Body&& body) {
  const int terms = way.terms(p);
  const int columns = std::clamp(kPlainTerms / terms, 1, std::max(1, p.tap_columns));
  for (int a = 0; a < p.tap_rows; ++a)
    for (int b = 0; b < p.tap_columns; b += columns)
      for (int first = 0; first < terms; first += kPlainTerms) {
        TileProblem block = taps_of(p, a, b, std::min(columns, p.tap_columns - b));
        way.cut(block, first, std::min(kPlainTerms, terms - first));
        body(block);
      }
}

template <class Way>
void solve_piece(const Way& way, const TileProblem& p, float* scratch) {
  const std::int64_t width = way.width(p), size = p.rows * p.columns * width;
  float *const part = scratch, *const lost = scratch + size;
  const auto for_each_output = [&](auto body) {
    for (int y = 0; y < p.rows; ++y)
      for (int x = 0; x < p.columns; ++x)
        body(p.output + y * p.out.row + x * p.out.pixel, (y * p.columns + x) * width);
  };
  numbers(lost, size).setZero();
  if (!p.accumulate)
    for_each_output([&](float* out, std::int64_t) {
      if (p.bias)
        std::copy_n(p.bias, width, out);
      else
        std::fill_n(out, width, 0.0f);
    });
  for_each_block(way, p, [&](TileProblem& block) {
    block.output = part;
    block.out = {0, p.columns * width, width};
    block.bias = nullptr;
    block.accumulate = false;
    way.run(block);
    for_each_output(
        [&](float* out, std::int64_t at) { add_compensated(out, lost + at, part + at, width); });
  });
  for_each_output(
      [&](float* out, std::int64_t at) { numbers(out, width) += numbers(lost + at, width); });
}

template <class Way>
void solve_in_pieces(const Way& way, const TileProblem& p, float* scratch) {
  const int columns = std::clamp(p.columns, 1, kLongSumPixels);
  const int rows = kLongSumPixels / columns;
  for (int n = 0; n < p.batch; ++n)
    for (int y = 0; y < p.rows; y += rows)
      for (int x = 0; x < p.columns; x += columns)
        solve_piece(
            way, piece_of(p, n, y, std::min(rows, p.rows - y), x, std::min(columns, p.columns - x)),
            scratch);
}

}  // namespace

void solve_long(const TileProblem& p, float* scratch) { solve_in_pieces(Tiles(), p, scratch); }

void solve_long_dots(const TileProblem& p, float* scratch) { solve_in_pieces(Dots(), p, scratch); }

}  // namespace stagecoach
