// SPDX-License-Identifier: Apache-2.0
// Does filter_response_norm follow the paper, threshold included?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

const std::vector<Shape> kShapes{Shape::image(6, 4, 3), Shape::image(3, 5, 5),
                                 Shape::image(19, 2, 2), Shape::image(6, 1, 1)};

/// Both sides of the maximum, [line, threshold], for every element of a sample.
std::vector<std::pair<double, double>> sides(const LayerNode& node, const std::vector<double>& x,
                                             const std::vector<std::vector<double>>& p) {
  const int pixels = static_cast<int>(node.output.pixels());
  std::vector<std::pair<double, double>> both;
  for (int c = 0; c < node.output.channels; ++c) {
    double nu2 = 0;
    for (int i = 0; i < pixels; ++i) nu2 += x[c * pixels + i] * x[c * pixels + i] / pixels;
    for (int i = 0; i < pixels; ++i)
      both.emplace_back(p[0][c] * x[c * pixels + i] / std::sqrt(nu2 + node.spec.epsilon) + p[1][c],
                        p[2][c]);
  }
  return both;
}

TEST_CASE("filter_response_norm divides by the root mean square and applies the threshold",
          "[layers]") {
  for (const Shape& shape : kShapes) {
    const LayerNode node = layer_node(LayerKind::filter_response_norm, shape);
    check_values_with(node,
                      [&](const std::vector<double>& x, const std::vector<std::vector<double>>& p) {
                        std::vector<double> y;
                        for (const auto& [line, threshold] : sides(node, x, p))
                          y.push_back(std::max(line, threshold));
                        return y;
                      });
  }
}

/// Moves thresholds until no element is within 0.001 of its kink.
void avoid_threshold(LayerFixture<double>& f) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::vector<double> x = f.input(0);
    const std::size_t n = x.size() / f.batch();
    bool near = false;
    for (int i = 0; i < f.batch(); ++i)
      for (const auto& [line, threshold] :
           sides(f.node(), {x.begin() + i * n, x.begin() + (i + 1) * n},
                 {f.parameter(0), f.parameter(1), f.parameter(2)}))
        near = near || std::abs(line - threshold) < 1e-3;
    if (!near) return;
    f.set_parameter(2, f.randoms(f.node().output.channels));
  }
  FAIL("no thresholds away from all kinks");
}

TEST_CASE("filter_response_norm has the gradients of its formula", "[layers]") {
  for (const Shape& shape : kShapes) {
    const LayerNode node = layer_node(LayerKind::filter_response_norm, shape);
    check_gradients(node, avoid_threshold);
    check_accumulation(node);
    // Sums of some ten terms, divided by a deviation. Of a single pixel the norm leaves hardly more
    // than the sign: its gradient is a difference of nearly equal numbers.
    if (shape.pixels() > 1) check_float_follows_double(node, 1e-5);
  }
}

TEST_CASE("filter_response_norm backward keeps the side that the forward pass saw", "[layers]") {
  const LayerNode node = layer_node(LayerKind::filter_response_norm, Shape::image(1, 1, 2));
  LayerFixture<double> f(node, make_layer<double>(node));
  f.set_input(0, {1, -1});
  f.set_parameter(0, {1});
  f.set_parameter(1, {0});
  f.set_parameter(2, {0});
  f.set_gradient_output({3, 5});
  f.forward();
  f.set_parameter(2, {100});  // an update between the passes
  f.backward();
  CHECK(f.gradient_parameter(1) == std::vector<double>{3});
  CHECK(f.gradient_parameter(2) == std::vector<double>{5});
}

}  // namespace
}  // namespace stagecoach
