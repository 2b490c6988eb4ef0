// SPDX-License-Identifier: Apache-2.0
// Every fast path against the definition that it must equal, over random shapes.
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "models/layers/definition.h"
#include "tests/support/matrix_layers.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach {
namespace {

class Shapes {
 public:
  explicit Shapes(unsigned seed) : random_(seed) {}

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  ConvCase convolution() {
    ConvCase c{};
    c.kernel = between(1, 5);
    c.stride = between(1, 3);
    c.padding = between(0, 2);
    c.height = between(std::max(1, c.kernel - 2 * c.padding), 20);
    c.width = between(std::max(1, c.kernel - 2 * c.padding), 36);
    c.in = between(1, 70);
    c.out = between(1, 100);
    c.groups = 1;
    c.bias = between(0, 1);
    c.batch = between(1, 3);
    return c;
  }

 private:
  std::mt19937 random_;
};

/// Runs both on the same numbers. Each element is a sum of products of numbers below one, in two
/// orders: they differ by no more than some roundings of the largest partial sum, here 2e-6 times
/// the largest element of the tensor and the root of the products that a sum may have.
void require_equal(const LayerNode& node, int batch, double products) {
  FixtureOptions options;
  options.batch = batch;
  auto layer = make_layer<float>(node, Kernels::fast);
  REQUIRE(definition_of(node.spec.kind).make_fast != nullptr);
  LayerFixture<float> fast(node, std::move(layer), options);
  LayerFixture<float> eigen(node, make_layer<float>(node, Kernels::eigen), options);
  for (LayerFixture<float>* f : {&fast, &eigen}) {
    f->forward();
    f->backward();
  }
  const double bound = 2e-6 * std::max(1.0, std::sqrt(products) / 10);
  CHECK(relative_distance(fast.output(), eigen.output()) < bound);
  CHECK(relative_distance(fast.gradient_input(0), eigen.gradient_input(0)) < bound);
  for (int s = 0; s < static_cast<int>(eigen.layer().slots().size()); ++s)
    CHECK(relative_distance(fast.gradient_parameter(s), eigen.gradient_parameter(s)) < bound);
}

TEST_CASE("conv2d's fast path equals its definition over random shapes") {
  Shapes shapes(1);
  for (int i = 0; i < 150; ++i) {
    const ConvCase c = shapes.convolution();
    INFO(to_string(c));
    const double taps = c.kernel * c.kernel;
    require_equal(conv_node(c), c.batch,
                  std::max({c.in * taps, c.out * taps, 1.0 * c.batch * c.height * c.width}));
  }
}

TEST_CASE("linear's fast path equals its definition over random shapes") {
  Shapes shapes(2);
  for (int i = 0; i < 150; ++i) {
    const int in = shapes.between(1, 700), out = shapes.between(1, 500);
    const int batch = shapes.between(1, 40);
    INFO(in << " to " << out << ", batch " << batch);
    require_equal(linear_node(in, out, i % 2), batch, std::max({in, out, batch}));
  }
}

TEST_CASE("fast paths equal their definitions where sums are cut into blocks") {
  // Pixels in several pieces, strides whose phases differ in taps, padding at every side, kernels
  // of more taps than a block, channels and outputs that fill no vector.
  for (const ConvCase& c : {ConvCase{520, 3, 9, 9, 3, 1, 1, 1, true, 2},
                            {3, 530, 9, 9, 3, 1, 1, 1, false, 2},
                            {521, 33, 7, 6, 3, 2, 2, 1, true, 1},
                            {33, 700, 70, 1, 1, 1, 0, 1, true, 1},
                            {700, 2, 1, 70, 1, 1, 0, 1, true, 1},
                            {2, 3, 40, 40, 60, 3, 20, 1, true, 2}}) {
    INFO(to_string(c));
    const double taps = c.kernel * c.kernel;
    require_equal(conv_node(c), c.batch,
                  std::max({c.in * taps, c.out * taps, 1.0 * c.batch * c.height * c.width}));
  }
  for (const auto& [in, out] : {std::pair(5000, 3), {37, 9000}, {1100, 1100}})
    for (const int batch : {1, 3, 70}) {
      INFO(in << " to " << out << ", batch " << batch);
      require_equal(linear_node(in, out, true), batch, std::max({in, out, batch}));
    }
}

TEST_CASE("kinds without a fast path are computed by their definition, whatever is asked") {
  const LayerNode grouped = conv_node({8, 8, 5, 5, 3, 1, 1, 2});
  CHECK_FALSE(make_layer<float>(grouped, Kernels::fast)->fuses_update(1));
  int fast = 0;
  for (const LayerKind kind : all_layer_kinds()) fast += definition_of(kind).make_fast != nullptr;
  CHECK(fast == 2);  // docs/engine.md lists them
}

}  // namespace
}  // namespace stagecoach
