// SPDX-License-Identifier: Apache-2.0
// Nodes of single conv2d and linear layers, and what they must compute, in plain double loops.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "models/graph/network.h"

namespace stagecoach {

struct ConvCase {
  int in, out, height, width, kernel, stride, padding, groups;
  bool bias = true;
  int batch = 1;
};

inline std::string to_string(const ConvCase& c) {
  return std::to_string(c.in) + "->" + std::to_string(c.out) + " of " + std::to_string(c.height) +
         "x" + std::to_string(c.width) + " kernel " + std::to_string(c.kernel) + " stride " +
         std::to_string(c.stride) + " padding " + std::to_string(c.padding) + " groups " +
         std::to_string(c.groups) + " batch " + std::to_string(c.batch) +
         (c.bias ? " bias" : " no bias");
}

inline LayerNode conv_node(const ConvCase& c) {
  LayerNode node;
  node.spec.name = "conv";
  node.spec.kind = LayerKind::conv2d;
  node.spec.out_channels = c.out;
  node.spec.kernel = c.kernel;
  node.spec.stride = c.stride;
  node.spec.padding = c.padding;
  node.spec.groups = c.groups;
  node.spec.bias = c.bias;
  node.inputs = {kInputValue};
  node.input_shapes = {Shape::image(c.in, c.height, c.width)};
  node.output = Shape::image(c.out, (c.height + 2 * c.padding - c.kernel) / c.stride + 1,
                             (c.width + 2 * c.padding - c.kernel) / c.stride + 1);
  const int fan_in = c.in / c.groups * c.kernel * c.kernel;
  node.parameters.push_back({"weight",
                             {c.out, c.in / c.groups, c.kernel, c.kernel},
                             ParameterRole::weight,
                             fan_in,
                             c.out * c.kernel * c.kernel});
  if (c.bias) node.parameters.push_back({"bias", {c.out}, ParameterRole::bias, fan_in, c.out});
  return node;
}

inline LayerNode linear_node(int in, int out, bool bias) {
  LayerNode node;
  node.spec.name = "fc";
  node.spec.kind = LayerKind::linear;
  node.spec.out_features = out;
  node.spec.bias = bias;
  node.inputs = {kInputValue};
  node.input_shapes = {Shape::features(in)};
  node.output = Shape::features(out);
  node.parameters.push_back({"weight", {out, in}, ParameterRole::weight, in, out});
  if (bias) node.parameters.push_back({"bias", {out}, ParameterRole::bias, in, out});
  return node;
}

/// What a convolution must give, every tensor in PyTorch's order.
struct ConvOracle {
  std::vector<double> y, dx, dw, db;
};

/// A linear layer is the case kernel 1 on a 1x1 image.
inline ConvOracle conv_oracle(const ConvCase& c, const std::vector<double>& x,
                              const std::vector<double>& w, const std::vector<double>& b,
                              const std::vector<double>& dy) {
  const int in = c.in / c.groups, out = c.out / c.groups, k = c.kernel;
  const int rows = (c.height + 2 * c.padding - k) / c.stride + 1;
  const int columns = (c.width + 2 * c.padding - k) / c.stride + 1;
  ConvOracle r;
  r.y.resize(c.batch * c.out * rows * columns);
  r.dx.resize(x.size());
  r.dw.resize(w.size());
  r.db.resize(c.bias ? c.out : 0);
  for (int n = 0; n < c.batch; ++n)
    for (int o = 0; o < c.out; ++o)
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
          const int at = ((n * c.out + o) * rows + i) * columns + j;
          if (c.bias) {
            r.y[at] = b[o];
            r.db[o] += dy[at];
          }
          for (int m = 0; m < in; ++m)
            for (int p = 0; p < k; ++p)
              for (int q = 0; q < k; ++q) {
                const int row = i * c.stride + p - c.padding;
                const int column = j * c.stride + q - c.padding;
                if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
                const int channel = o / out * in + m;
                const int xi = ((n * c.in + channel) * c.height + row) * c.width + column;
                const int wi = ((o * in + m) * k + p) * k + q;
                r.y[at] += w[wi] * x[xi];
                r.dx[xi] += w[wi] * dy[at];
                r.dw[wi] += x[xi] * dy[at];
              }
        }
  return r;
}

/// Largest |a - b| over the largest |b|; infinite if the sizes differ or something is NaN.
inline double relative_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double distance = 0, largest = 1e-30;
  if (a.size() != b.size()) return HUGE_VAL;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    if (!(d <= distance)) distance = std::isnan(d) ? HUGE_VAL : d;
    largest = std::max(largest, std::abs(b[i]));
  }
  return distance / largest;
}

}  // namespace stagecoach
