// SPDX-License-Identifier: Apache-2.0
// Convolution as a matrix product: the inputs that output pixels meet, as columns of a matrix.
#pragma once

#include <algorithm>

#include "models/layers/conv_geometry.h"
#include "models/layers/product.h"

namespace stagecoach {

/// Output rows [first, first + rows), counted through all samples.
struct Band {
  int first, rows;
};

/// Matrices of one band of output pixels and one group of channels, in a layer's scratch.
template <class T>
class Patches {
 public:
  Patches(const ConvGeometry& geometry, T* scratch)
      : g_(geometry),
        product_(scratch),
        patches_(scratch + kProductScratch),
        outputs_(patches_ + padded<T>(g_.weight_rows() * rows_a_band(g_) * g_.out_width)) {}

  /// Elements of scratch for a geometry.
  static std::int64_t scratch(const ConvGeometry& g) {
    const std::int64_t pixels = std::int64_t{1} * rows_a_band(g) * g.out_width;
    return kProductScratch + padded<T>(g.weight_rows() * pixels) +
           padded<T>(g.group_out() * pixels);
  }
  T* product_scratch() const { return product_; }

  /// Calls body(band) for bands of a few hundred pixels.
  template <class Body>
  void for_each_band(Band all, Body&& body) const {
    const int most = rows_a_band(g_);
    for (int done = 0; done < all.rows; done += most)
      body(Band{all.first + done, std::min(most, all.rows - done)});
  }

  /// X: (tap, input channel of the group) by pixels; to be filled.
  MatrixMap<T> patches(Band band) const { return matrix(patches_, g_.weight_rows(), band); }
  /// Y: output channels of the group by pixels; to be filled.
  MatrixMap<T> outputs(Band band) const { return matrix(outputs_, g_.group_out(), band); }

  /// X from the image.
  MatrixMap<T> gather(const View<const T>& x, Band band, int group) const {
    MatrixMap<T> to = patches(band);
    for_each_row(band, [&](int n, int i, int column) {
      for (int t = 0; t < g_.taps(); ++t)
        to.block(t * g_.group_in(), column, g_.group_in(), g_.out_width) =
            under_tap(x, n, i, t, group, 0, g_.out_width);
    });
    return to;
  }

  /// dx += X, every element where its pixel is on the image.
  void scatter(const MatrixMap<T>& from, Band band, int group, const View<T>& dx) const {
    for_each_row(band, [&](int n, int i, int column) {
      for (int t = 0; t < g_.taps(); ++t) {
        const auto rows = g_.range_of_tap(t / g_.kernel, g_.height, g_.out_height);
        const auto columns = g_.range_of_tap(t % g_.kernel, g_.width, g_.out_width);
        const int width = columns.end - columns.begin;
        if (i < rows.begin || i >= rows.end || width == 0) continue;
        under_tap(dx, n, i, t, group, columns.begin, width) +=
            from.block(t * g_.group_in(), column + columns.begin, g_.group_in(), width);
      }
    });
  }

  /// Calls body(columns of a matrix, the group's channels of the row of y) for each row.
  template <class Y, class Body>
  void for_each_output_row(MatrixMap<T> outputs, const View<Y>& y, Band band, int group,
                           Body&& body) const {
    for_each_row(band, [&](int n, int i, int column) {
      body(outputs.middleCols(column, g_.out_width),
           row(y, n, i).middleRows(group * g_.group_out(), g_.group_out()));
    });
  }

 private:
  static constexpr int kBandPixels = 256;
  static int rows_a_band(const ConvGeometry& g) { return std::max(1, kBandPixels / g.out_width); }

  MatrixMap<T> matrix(T* data, std::int64_t rows, Band band) const {
    return {data, rows, std::int64_t{1} * band.rows * g_.out_width, Eigen::OuterStride<>(rows)};
  }

  /// Calls body(sample, output row, its first column in the matrices).
  template <class Body>
  void for_each_row(Band band, Body&& body) const {
    for (int r = 0; r < band.rows; ++r)
      body((band.first + r) / g_.out_height, (band.first + r) % g_.out_height, r * g_.out_width);
  }

  /// The group's channels by the pixels that tap t meets from `count` pixels of an output row.
  template <class U>
  MatrixMap<U> under_tap(const View<U>& x, int n, int i, int t, int group, int first,
                         int count) const {
    U* const at = x.pixel(n, i * g_.stride + t / g_.kernel - g_.padding,
                          first * g_.stride + t % g_.kernel - g_.padding);
    return {at + group * g_.group_in(), g_.group_in(), count,
            Eigen::OuterStride<>(g_.stride * x.pixel_stride)};
  }

  const ConvGeometry& g_;
  T *product_, *patches_, *outputs_;
};

}  // namespace stagecoach
