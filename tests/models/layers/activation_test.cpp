// SPDX-License-Identifier: Apache-2.0
// Do relu, tanh and sigmoid follow their formulas, in place or not?
#include <limits>

#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

const Shape kImage = Shape::image(6, 5, 3);
const Shape kFeatures = Shape::features(19);

SampleFormula elementwise(double (*function)(double)) {
  return [function](const std::vector<double>& x) {
    std::vector<double> y;
    for (double v : x) y.push_back(function(v));
    return y;
  };
}

TEST_CASE("relu keeps positive numbers and zeroes others", "[layers]") {
  for (const Shape& shape : {kImage, kFeatures}) {
    const LayerNode node = layer_node(LayerKind::relu, shape);
    check_values(node, elementwise([](double v) { return v > 0 ? v : 0.0; }));
    check_gradients(node, avoid_zero);
    check_accumulation(node);
    check_float_follows_double(node, 0.0, true);  // no arithmetic: equal
  }
}

TEST_CASE("tanh follows the formula", "[layers]") {
  for (const Shape& shape : {kImage, kFeatures}) {
    const LayerNode node = layer_node(LayerKind::tanh, shape);
    check_values(node, elementwise([](double v) { return std::tanh(v); }));
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-6);  // a few units in the last place of float
  }
}

TEST_CASE("sigmoid follows the formula", "[layers]") {
  for (const Shape& shape : {kImage, kFeatures}) {
    const LayerNode node = layer_node(LayerKind::sigmoid, shape);
    check_values(node, elementwise([](double v) { return 1 / (1 + std::exp(-v)); }));
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-6);
  }
}

template <class T>
std::vector<double> activate(LayerKind kind, const std::vector<double>& x) {
  const LayerNode node = layer_node(kind, Shape::features(static_cast<int>(x.size())));
  LayerFixture<T> f(node, make_layer<T>(node));
  f.set_input(0, x);
  f.forward();
  return f.output();
}

TEMPLATE_TEST_CASE("activations hand NaN on, so that divergence is seen", "[layers]", float,
                   double) {
  // 37 elements: NaN meets both whole vectors and remainders.
  std::vector<double> x(37, std::numeric_limits<double>::quiet_NaN());
  for (LayerKind kind : {LayerKind::relu, LayerKind::tanh, LayerKind::sigmoid})
    for (double y : activate<TestType>(kind, x)) REQUIRE(std::isnan(y));
}

TEMPLATE_TEST_CASE("activations saturate at large numbers without overflow", "[layers]", float,
                   double) {
  const std::vector<double> x{-1e30, -800, -100, 100, 800, 1e30};
  const std::vector<double> tanh = activate<TestType>(LayerKind::tanh, x);
  const std::vector<double> sigmoid = activate<TestType>(LayerKind::sigmoid, x);
  for (int i = 0; i < 6; ++i) {
    CHECK(tanh[i] == Approx(i < 3 ? -1.0 : 1.0).epsilon(1e-6));
    CHECK(sigmoid[i] == Approx(i < 3 ? 0.0 : 1.0).margin(1e-30).epsilon(1e-6));
  }
}

}  // namespace
}  // namespace stagecoach
