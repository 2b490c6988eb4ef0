// SPDX-License-Identifier: Apache-2.0
// Does dropout drop the right share, scale the rest, and tie its mask to the sample?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerNode dropout_node(double probability, const Shape& shape, const std::string& name = "drop") {
  LayerSpec spec;
  spec.kind = LayerKind::dropout;
  spec.name = name;
  spec.probability = probability;
  return layer_node(spec, shape);
}

/// The output for an input of ones: 0 or 1 / (1 - p).
template <class T>
std::vector<double> mask(const LayerNode& node, std::vector<std::uint64_t> keys) {
  const auto layer = make_layer<T>(node);
  const int batch = static_cast<int>(keys.size());
  const Layout<T> layout(node.output, 0);
  Buffer<T> in(layout.size(batch)), out(layout.size(batch));
  std::fill_n(in.data(), in.size(), T(1));
  const View<const T> x = layout.view(in.data(), batch);
  ForwardArgs<T> args;
  args.inputs = &x;
  args.output = layout.view(out.data(), batch);
  args.sample_keys = keys.data();
  layer->forward(args);
  std::vector<double> values;
  for (int n = 0; n < batch; ++n)
    for (int c = 0; c < x.channels; ++c)
      for (int y = 0; y < x.height; ++y)
        for (int z = 0; z < x.width; ++z) values.push_back(args.output.pixel(n, y, z)[c]);
  return values;
}

TEST_CASE("dropout has the gradient of its mask", "[layers]") {
  for (const Shape& shape : {Shape::image(6, 4, 3), Shape::features(21)}) {
    const LayerNode node = dropout_node(0.3, shape);
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-6);
  }
}

TEST_CASE("dropout keeps a share of 1 - p, scaled by 1 / (1 - p)", "[layers]") {
  for (double p : {0.1, 0.5, 0.8}) {
    const std::vector<double> y = mask<double>(dropout_node(p, Shape::features(20000)), {42});
    double dropped = 0;
    for (double v : y) {
      if (v == 0)
        ++dropped;
      else
        REQUIRE(v == Approx(1 / (1 - p)));
    }
    // 5 standard deviations of a binomial count.
    CHECK(std::abs(dropped - 20000 * p) < 5 * std::sqrt(20000 * p * (1 - p)));
  }
  for (double v : mask<double>(dropout_node(0, Shape::features(100)), {42})) REQUIRE(v == 1);
}

TEST_CASE("a sample's mask does not depend on its micro-batch or on the arithmetic", "[layers]") {
  const LayerNode node = dropout_node(0.5, Shape::image(6, 4, 3));
  const std::vector<double> a = mask<double>(node, {1}), b = mask<double>(node, {2});
  std::vector<double> both = a;
  both.insert(both.end(), b.begin(), b.end());
  CHECK(a != b);
  CHECK(mask<double>(node, {1, 2}) == both);
  CHECK(mask<float>(node, {1, 2}) == both);
}

TEST_CASE("two dropout layers drop different elements of one sample", "[layers]") {
  const Shape shape = Shape::features(64);
  CHECK(mask<double>(dropout_node(0.5, shape, "a"), {1}) !=
        mask<double>(dropout_node(0.5, shape, "b"), {1}));
}

TEST_CASE("dropout is the identity in evaluation", "[layers]") {
  const LayerNode node = dropout_node(0.5, Shape::image(6, 4, 3));
  for (const FixtureOptions& options : memory_variants(node)) {
    LayerFixture<double> f(node, make_layer<double>(node), options);
    const std::vector<double> x = f.input(0);
    f.forward(false);
    CHECK(f.output() == x);
  }
}

}  // namespace
}  // namespace stagecoach
