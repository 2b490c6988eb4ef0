// SPDX-License-Identifier: Apache-2.0
// Does local_response_norm follow PyTorch's formula at the ends of the channels too?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerNode response_node(int size, double beta, const Shape& shape) {
  LayerSpec spec;
  spec.kind = LayerKind::local_response_norm;
  spec.size = size;
  spec.alpha = 0.7;  // large, so that the sums matter
  spec.beta = beta;
  spec.k = 1.5;
  return layer_node(spec, shape);
}

SampleFormula naive(const LayerNode& node) {
  return [node](const std::vector<double>& x) {
    const int channels = node.output.channels, pixels = static_cast<int>(node.output.pixels());
    const LayerSpec& s = node.spec;
    std::vector<double> y;
    for (int c = 0; c < channels; ++c)
      for (int i = 0; i < pixels; ++i) {
        double sum = 0;
        for (int j = c - s.size / 2; j <= c + (s.size - 1) / 2; ++j)
          if (j >= 0 && j < channels) sum += x[j * pixels + i] * x[j * pixels + i];
        y.push_back(x[c * pixels + i] / std::pow(s.k + s.alpha / s.size * sum, s.beta));
      }
    return y;
  };
}

TEST_CASE("local_response_norm follows its formula and gradients", "[layers]") {
  for (int size : {1, 2, 3, 5, 20})
    for (double beta : {0.75, 0.6})
      for (const Shape& shape : {Shape::image(6, 3, 2), Shape::image(19, 2, 2)}) {
        INFO("size " << size << ", beta " << beta << ", " << shape.channels << " channels");
        const LayerNode node = response_node(size, beta, shape);
        check_values(node, naive(node));
        check_gradients(node);
        check_accumulation(node);
        check_float_follows_double(node, 2e-6);  // some ten roundings
      }
}

}  // namespace
}  // namespace stagecoach
