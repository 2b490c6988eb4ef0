// SPDX-License-Identifier: Apache-2.0
// Shapes of values without the batch dimension: C channels, H rows, W columns, or F features.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stagecoach {

/// Shape of one sample of one value: [C,H,W], or [F] (rank 1, kept as C = F, H = W = 1).
struct Shape {
  int channels = 0;
  int height = 1;
  int width = 1;
  int rank = 3;  ///< 3 for [C,H,W], 1 for [F]

  static Shape image(int channels, int height, int width) { return {channels, height, width, 3}; }
  static Shape features(int count) { return {count, 1, 1, 1}; }

  std::int64_t elements() const { return std::int64_t{1} * channels * height * width; }
  std::int64_t pixels() const { return std::int64_t{1} * height * width; }
  bool operator==(const Shape& o) const {
    return channels == o.channels && height == o.height && width == o.width && rank == o.rank;
  }
  bool operator!=(const Shape& o) const { return !(*this == o); }
};

/// "[6,28,28]" or "[120]".
inline std::string to_string(const Shape& s) {
  if (s.rank == 1) return "[" + std::to_string(s.channels) + "]";
  return "[" + std::to_string(s.channels) + "," + std::to_string(s.height) + "," +
         std::to_string(s.width) + "]";
}

/// "[6,1,5,5]": the shape of a parameter tensor in PyTorch order.
inline std::string to_string(const std::vector<int>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? "," : "") + std::to_string(dims[i]);
  return text + "]";
}

}  // namespace stagecoach
