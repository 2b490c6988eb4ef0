// SPDX-License-Identifier: Apache-2.0
// Does layer_norm follow its formula with elementwise weight and bias?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

const std::vector<Shape> kNormalized{Shape::image(6, 4, 3), Shape::image(3, 2, 5),
                                     Shape::image(19, 2, 2), Shape::features(21)};

TEST_CASE("layer_norm normalises a sample and scales every element", "[layers]") {
  for (const Shape& shape : kNormalized) {
    const LayerNode node = layer_node(LayerKind::layer_norm, shape);
    check_values_with(
        node, [&](const std::vector<double>& x, const std::vector<std::vector<double>>& p) {
          double mean = 0, var = 0;
          for (double v : x) mean += v / x.size();
          for (double v : x) var += (v - mean) * (v - mean) / x.size();
          std::vector<double> y;
          for (std::size_t i = 0; i < x.size(); ++i)
            y.push_back((x[i] - mean) / std::sqrt(var + node.spec.epsilon) * p[0][i] + p[1][i]);
          return y;
        });
  }
}

TEST_CASE("layer_norm has the gradients of its formula", "[layers]") {
  for (const Shape& shape : kNormalized) {
    const LayerNode node = layer_node(LayerKind::layer_norm, shape);
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-5);  // sums of some ten terms, divided by a deviation
  }
}

}  // namespace
}  // namespace stagecoach
