// SPDX-License-Identifier: Apache-2.0
// Does group_norm follow its formula, for any groups, also far from zero?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerNode group_norm_node(int groups, const Shape& shape) {
  LayerSpec spec;
  spec.kind = LayerKind::group_norm;
  spec.groups = groups;
  return layer_node(spec, shape);
}

ParameterFormula naive_group_norm(const LayerNode& node) {
  return [node](const std::vector<double>& x, const std::vector<std::vector<double>>& p) {
    const int per_group = node.output.channels / node.spec.groups;
    const int pixels = static_cast<int>(node.output.pixels()), n = per_group * pixels;
    std::vector<double> y;
    for (int g = 0; g < node.spec.groups; ++g) {
      const double* at = &x[g * n];
      double mean = 0, var = 0;
      for (int i = 0; i < n; ++i) mean += at[i] / n;
      for (int i = 0; i < n; ++i) var += (at[i] - mean) * (at[i] - mean) / n;
      for (int i = 0; i < n; ++i) {
        const int c = g * per_group + i / pixels;
        y.push_back((at[i] - mean) / std::sqrt(var + node.spec.epsilon) * p[0][c] + p[1][c]);
      }
    }
    return y;
  };
}

/// Channels and groups: one group, one channel a group, odd, more than one vector of channels.
const std::vector<std::pair<int, int>> kGroups{{6, 1}, {6, 3}, {6, 6}, {3, 3}, {21, 7}, {32, 8}};

TEST_CASE("group_norm normalises every group of a sample", "[layers]") {
  for (const auto& [channels, groups] : kGroups)
    for (const Shape& shape : {Shape::image(channels, 4, 3), Shape::image(channels, 5, 7)}) {
      INFO(channels << " channels, " << groups << " groups");
      const LayerNode node = group_norm_node(groups, shape);
      check_values_with(node, naive_group_norm(node));
    }
  const LayerNode features = group_norm_node(3, Shape::features(21));
  check_values_with(features, naive_group_norm(features));
}

TEST_CASE("group_norm has the gradients of its formula", "[layers]") {
  for (const auto& [channels, groups] : kGroups) {
    INFO(channels << " channels, " << groups << " groups");
    const LayerNode node = group_norm_node(groups, Shape::image(channels, 4, 3));
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-5);  // sums of some ten terms, divided by a deviation
  }
  check_gradients(group_norm_node(3, Shape::features(21)));
}

TEST_CASE("group_norm in float keeps its precision far from zero", "[layers]") {
  // Mean 1000, deviation about 0.6: a sum of squares in float would have lost it all.
  const LayerNode node = group_norm_node(2, Shape::image(6, 16, 16));
  LayerFixture<double> d(node, make_layer<double>(node));
  LayerFixture<float> f(node, make_layer<float>(node));
  std::vector<double> x = d.input(0);
  for (double& v : x) v = static_cast<float>(v + 1000);
  d.set_input(0, x);
  f.set_input(0, x);
  for (int s = 0; s < 2; ++s) f.set_parameter(s, d.parameter(s));
  d.forward();
  f.forward();
  const std::vector<double> a = d.output(), b = f.output();
  // A mean rounded to float would be off by 1000 x 6e-8 / 0.6 = 1e-4 of a deviation.
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(std::abs(a[i] - b[i]) < 2e-6);
}

TEST_CASE("group_norm backward uses the gains of the backward weights and stored statistics",
          "[layers]") {
  const LayerNode node = group_norm_node(2, Shape::image(6, 4, 3));
  LayerFixture<double> f(node, make_layer<double>(node)), g(node, make_layer<double>(node));
  const std::vector<double> weight = f.randoms(6);
  g.set_parameter(0, weight);
  f.forward();
  g.forward();
  f.set_parameter(0, weight);  // an update between the passes
  f.backward();
  g.backward();
  CHECK(f.gradient_input(0) == g.gradient_input(0));
}

}  // namespace
}  // namespace stagecoach
