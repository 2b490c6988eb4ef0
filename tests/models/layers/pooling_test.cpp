// SPDX-License-Identifier: Apache-2.0
// Do the pools follow PyTorch's meaning: windows, padding, ties?
#include <algorithm>
#include <limits>
#include <numeric>

#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerSpec pool_spec(LayerKind kind, int kernel, int stride, int padding) {
  LayerSpec spec;
  spec.kind = kind;
  spec.kernel = kernel;
  spec.stride = stride;
  spec.padding = padding;
  return spec;
}

/// Kernel, stride, padding: tiling, LeNet's, overlapping, with gaps, padded, leftover rows.
const std::vector<std::vector<int>> kWindows{{2, 2, 0}, {3, 3, 0}, {3, 2, 0}, {2, 3, 0},
                                             {3, 2, 1}, {3, 1, 1}, {2, 0, 1}};

SampleFormula naive_pool(const LayerNode& node, bool maximum) {
  return [node, maximum](const std::vector<double>& x) {
    const Shape in = node.input_shapes[0], out = node.output;
    const int k = node.spec.kernel, s = node.spec.stride, p = node.spec.padding;
    std::vector<double> y;
    for (int c = 0; c < out.channels; ++c)
      for (int i = 0; i < out.height; ++i)
        for (int j = 0; j < out.width; ++j) {
          double sum = 0, largest = -std::numeric_limits<double>::infinity();
          for (int a = 0; a < k; ++a)
            for (int b = 0; b < k; ++b) {
              const int r = i * s + a - p, q = j * s + b - p;
              if (r < 0 || q < 0 || r >= in.height || q >= in.width) continue;
              const double v = x[(c * in.height + r) * in.width + q];
              sum += v;
              largest = std::max(largest, v);
            }
          y.push_back(maximum ? largest : sum / (k * k));
        }
    return y;
  };
}

/// Distinct numbers at least 0.01 apart: no central difference changes a winner.
void spread_inputs(LayerFixture<double>& f) {
  std::vector<double> x(f.input(0).size());
  std::iota(x.begin(), x.end(), 0.0);
  std::mt19937 random(7);
  std::shuffle(x.begin(), x.end(), random);
  for (double& v : x) v = 0.01 * v - 1;
  f.set_input(0, x);
}

TEST_CASE("max_pool2d takes the largest of every window", "[layers]") {
  for (const auto& w : kWindows)
    for (const Shape& shape : {Shape::image(6, 6, 6), Shape::image(3, 7, 5)}) {
      const LayerNode node = layer_node(pool_spec(LayerKind::max_pool2d, w[0], w[1], w[2]), shape);
      INFO("kernel " << w[0] << " stride " << w[1] << " padding " << w[2]);
      check_values(node, naive_pool(node, true));
      check_gradients(node, spread_inputs);
      check_accumulation(node);
      check_float_follows_double(node, 1e-6);  // sums of overlapping gradients
    }
}

TEST_CASE("avg_pool2d divides by the whole window, padding included", "[layers]") {
  for (const auto& w : kWindows)
    for (const Shape& shape : {Shape::image(6, 6, 6), Shape::image(20, 7, 5)}) {
      const LayerNode node = layer_node(pool_spec(LayerKind::avg_pool2d, w[0], w[1], w[2]), shape);
      INFO("kernel " << w[0] << " stride " << w[1] << " padding " << w[2]);
      check_values(node, naive_pool(node, false));
      check_gradients(node);
      check_accumulation(node);
      check_float_follows_double(node, 1e-6);
    }
}

TEST_CASE("global_avg_pool2d gives the mean of every channel", "[layers]") {
  for (const Shape& shape : {Shape::image(6, 4, 3), Shape::image(21, 1, 1)}) {
    const LayerNode node = layer_node(LayerKind::global_avg_pool2d, shape);
    check_values(node, [&](const std::vector<double>& x) {
      const int pixels = static_cast<int>(shape.pixels());
      std::vector<double> y;
      for (int c = 0; c < shape.channels; ++c)
        y.push_back(std::accumulate(&x[c * pixels], &x[c * pixels] + pixels, 0.0) / pixels);
      return y;
    });
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-6);
  }
}

TEST_CASE("of equal values in a window the first in row-major order gets the gradient",
          "[layers]") {
  const LayerNode node =
      layer_node(pool_spec(LayerKind::max_pool2d, 2, 2, 0), Shape::image(1, 2, 4));
  LayerFixture<double> f(node, make_layer<double>(node));
  f.set_input(0, {1, 5, 0, 2,  //
                  5, 5, 2, 2});
  f.set_gradient_output({3, 4});
  f.forward();
  f.backward();
  CHECK(f.gradient_input(0) == std::vector<double>{0, 3, 0, 4, 0, 0, 0, 0});
}

TEST_CASE("padding never wins a maximum, even over negative numbers", "[layers]") {
  const LayerNode node =
      layer_node(pool_spec(LayerKind::max_pool2d, 3, 3, 1), Shape::image(2, 2, 2));
  LayerFixture<double> f(node, make_layer<double>(node));
  f.set_input(0, {-4, -3, -2, -1, -8, -7, -6, -5});
  f.forward();
  CHECK(f.output() == std::vector<double>{-1, -5});
}

TEMPLATE_TEST_CASE("max_pool2d hands NaN on wherever it stands in the window", "[layers]", float,
                   double) {
  const LayerNode node =
      layer_node(pool_spec(LayerKind::max_pool2d, 2, 2, 0), Shape::image(1, 2, 2));
  for (int at = 0; at < 4; ++at) {
    LayerFixture<TestType> f(node, make_layer<TestType>(node));
    std::vector<double> x{1, 2, 3, 4};
    x[at] = std::numeric_limits<double>::quiet_NaN();
    f.set_input(0, x);
    f.forward();
    CHECK(std::isnan(f.output()[0]));
  }
}

}  // namespace
}  // namespace stagecoach
