// SPDX-License-Identifier: Apache-2.0
// Do identity, flatten and add move every number to its place?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

const SampleFormula kUnchanged = [](const std::vector<double>& x) { return x; };

TEST_CASE("identity changes nothing", "[layers]") {
  for (const Shape& shape : {Shape::image(6, 4, 3), Shape::features(21)}) {
    const LayerNode node = layer_node(LayerKind::identity, shape);
    check_values(node, kUnchanged, 0.0);
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 0.0);
  }
}

TEST_CASE("flatten puts the channel outermost, as PyTorch does", "[layers]") {
  // The fixture reads both sides in PyTorch's order, so the numbers come out unchanged.
  for (const Shape& shape :
       {Shape::image(6, 4, 3), Shape::image(17, 1, 1), Shape::image(1, 5, 5), Shape::features(7)}) {
    const LayerNode node = layer_node(LayerKind::flatten, shape);
    check_values(node, kUnchanged, 0.0);
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 0.0);
  }
}

TEST_CASE("add sums its inputs and hands the gradient to each", "[layers]") {
  for (int inputs : {2, 3, 4})
    for (const Shape& shape : {Shape::image(6, 4, 3), Shape::features(21)}) {
      const LayerNode node = layer_node(LayerKind::add, shape, inputs);
      FixtureOptions options;
      options.batch = 3;
      options.extra_halo = 1;
      LayerFixture<double> f(node, make_layer<double>(node), options);
      std::vector<double> expected(f.output().size(), 0.0);
      for (int i = 0; i < inputs; ++i) {
        const std::vector<double> x = f.input(i);
        for (std::size_t e = 0; e < x.size(); ++e) expected[e] += x[e];
      }
      f.forward();
      const std::vector<double> y = f.output();
      for (std::size_t e = 0; e < y.size(); ++e) REQUIRE(y[e] == Approx(expected[e]).margin(1e-15));
      check_gradients(node);
      check_accumulation(node);
      check_float_follows_double(node, 1e-6);
    }
}

TEST_CASE("backward leaves the gradient of an unwanted input alone", "[layers]") {
  const LayerNode node = layer_node(LayerKind::add, Shape::image(6, 4, 3), 2);
  LayerFixture<double> f(node, make_layer<double>(node));
  f.forward();
  const std::vector<double> before = f.gradient_input(0);
  BackwardArgs<double>& args = f.backward_args();
  f.wanted_gradient(0).data = nullptr;
  f.run(args);
  CHECK(f.gradient_input(0) == before);
  CHECK(f.gradient_input(1) == f.gradient_output());
}

}  // namespace
}  // namespace stagecoach
