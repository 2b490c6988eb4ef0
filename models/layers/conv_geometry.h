// SPDX-License-Identifier: Apache-2.0
// The sizes of a convolution. A linear layer is one too: a 1x1 kernel with the samples as pixels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/tensor.h"

namespace stagecoach {

/// Weights lie as [kernel row][kernel column][input channel of the group][output channel, padded]:
/// one row of `weight_stride` elements for each (tap, input channel); the columns of group g start
/// at g * group_out(). Pad columns are zero.
struct ConvGeometry {
  int in_channels = 1;
  int out_channels = 1;
  int height = 1;  ///< of the input
  int width = 1;
  int out_height = 1;
  int out_width = 1;
  int kernel = 1;
  int stride = 1;
  int padding = 0;
  int groups = 1;
  std::int64_t weight_stride = 0;  ///< padded<T>(out_channels)

  int group_in() const { return in_channels / groups; }
  int group_out() const { return out_channels / groups; }
  bool depthwise() const { return groups > 1 && group_in() == 1 && group_out() == 1; }
  int taps() const { return kernel * kernel; }
  std::int64_t out_pixels() const { return std::int64_t{1} * out_height * out_width; }
  std::int64_t weight_rows() const { return std::int64_t{1} * taps() * group_in(); }
  std::int64_t weight_elements() const { return weight_rows() * weight_stride; }

  /// Output rows (or columns) [begin, end) that tap row (or column) `tap` joins with the image.
  struct Range {
    int begin, end;
  };
  Range range_of_tap(int tap, int size, int out_size) const {
    const int before = padding - tap;  // outside the image, at output 0
    const int begin = before > 0 ? (before + stride - 1) / stride : 0;
    const int last = size - 1 + before;
    return {begin, std::max(begin, last < 0 ? 0 : std::min(out_size, last / stride + 1))};
  }
};

}  // namespace stagecoach
