// SPDX-License-Identifier: Apache-2.0
// linear against plain loops in double, central differences, and itself with the update fused.
#include "models/layers/linear.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/support/fused_update.h"
#include "tests/support/matrix_layers.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach {
namespace {

struct LinearCase {
  int in, out;
  bool bias;
  int batch;
};

const std::vector<LinearCase>& linear_cases() {
  static const std::vector<LinearCase> all = {
      {1, 1, true, 1},     {2, 3, true, 1},     {3, 1, false, 4},   {16, 16, true, 1},
      {84, 10, true, 1},   {120, 84, true, 3},  {37, 100, true, 8}, {40, 33, false, 9},
      {70, 130, true, 1},  {130, 70, true, 32}, {65, 257, true, 1}, {64, 48, false, 17},
      {600, 300, true, 1}, {600, 300, true, 5},
  };
  return all;
}

// Sums of up to a few hundred products of numbers below one, relative to the largest sum.
template <class T>
double linear_tolerance() {
  return sizeof(T) == 4 ? 1e-5 : 1e-13;
}

std::string name(const LinearCase& c) {
  return std::to_string(c.in) + "->" + std::to_string(c.out) + " batch " + std::to_string(c.batch);
}

template <class T>
LayerFixture<T> fixture(const LinearCase& c, int extra_halo = 0, Kernels kernels = Kernels::fast) {
  FixtureOptions options;
  options.batch = c.batch;
  options.extra_halo = extra_halo;
  const LayerNode node = linear_node(c.in, c.out, c.bias);
  return LayerFixture<T>(node, make_layer<T>(node, kernels), options);
}

TEMPLATE_TEST_CASE("linear gives what plain loops give, whatever surrounds its values", "", float,
                   double) {
  const Kernels kernels = GENERATE(Kernels::fast, Kernels::eigen);
  for (const LinearCase& c : linear_cases())
    for (const int extra_halo : {0, 1}) {
      INFO(name(c) << ", extra halo " << extra_halo);
      LayerFixture<TestType> f = fixture<TestType>(c, extra_halo, kernels);
      f.forward();
      f.backward();
      const std::vector<double> b = c.bias ? f.parameter(1) : std::vector<double>();
      const ConvCase one{c.in, c.out, 1, 1, 1, 1, 0, 1, c.bias, c.batch};
      const ConvOracle want = conv_oracle(one, f.input(0), f.parameter(0), b, f.gradient_output());
      CHECK(relative_distance(f.output(), want.y) < linear_tolerance<TestType>());
      CHECK(relative_distance(f.gradient_input(0), want.dx) < linear_tolerance<TestType>());
      CHECK(relative_distance(f.gradient_parameter(0), want.dw) < linear_tolerance<TestType>());
      if (c.bias)
        CHECK(relative_distance(f.gradient_parameter(1), want.db) < linear_tolerance<TestType>());
      CHECK(f.gradient_pads_and_halos_are_zero());
      CHECK(f.output_halo_is_zero());
    }
}

TEST_CASE("linear gradients agree with central differences to 1e-6") {
  for (const LinearCase& c : linear_cases()) {
    if (c.in * c.out * c.batch > 3000) continue;  // every element costs two forward passes
    INFO(name(c));
    LayerFixture<double> f = fixture<double>(c);
    const GradientError worst = worst_gradient_error(f);
    INFO(worst.where << ": " << worst.analytic << " against " << worst.numeric);
    CHECK(worst.relative < 1e-6);
  }
}

TEMPLATE_TEST_CASE("linear adds to gradients where it is told to", "", float, double) {
  const Kernels kernels = GENERATE(Kernels::fast, Kernels::eigen);
  for (const LinearCase& c : linear_cases()) {
    INFO(name(c));
    LayerFixture<TestType> f = fixture<TestType>(c, 0, kernels);
    f.forward();
    f.backward();
    const std::vector<double> dx = f.gradient_input(0), dw = f.gradient_parameter(0);
    const std::vector<double> before = f.randoms(dx.size());
    f.set_gradient_input(0, before);
    BackwardArgs<TestType>& args = f.backward_args();
    f.accumulate(0) = true;
    args.accumulate_parameters = true;
    f.run(args);
    std::vector<double> want(dx.size()), twice(dw.size());
    for (std::size_t i = 0; i < dx.size(); ++i) want[i] = before[i] + dx[i];
    for (std::size_t i = 0; i < dw.size(); ++i) twice[i] = 2 * dw[i];
    CHECK(relative_distance(f.gradient_input(0), want) < linear_tolerance<TestType>());
    CHECK(relative_distance(f.gradient_parameter(0), twice) < linear_tolerance<TestType>());
    CHECK(f.gradient_pads_and_halos_are_zero());
  }
}

TEST_CASE("linear with the update fused leaves what gradient then update leave") {
  for (const LinearCase& c : linear_cases()) {
    INFO(name(c));
    LayerFixture<float> f = fixture<float>(c);
    REQUIRE(f.layer().fuses_update(c.batch));
    require_fused_equals_unfused(f, linear_tolerance<float>());
  }
}

TEST_CASE("linear brings parameters in PyTorch's order in and out unchanged") {
  for (const LinearCase& c : linear_cases()) {
    INFO(name(c));
    LayerFixture<double> f = fixture<double>(c);
    const auto slots = f.layer().slots();
    for (std::size_t s = 0; s < slots.size(); ++s) {
      CHECK(slots[s].offset % kLanes<double> == 0);
      const std::vector<double> values = f.randoms(f.node().parameters[s].elements());
      f.set_parameter(int(s), values);
      CHECK(f.parameter(int(s)) == values);
    }
  }
}

TEST_CASE("linear refuses an input that is no feature vector") {
  LayerNode node = linear_node(12, 5, true);
  node.input_shapes[0] = Shape::image(3, 2, 2);
  CHECK_THROWS_AS(make_layer<float>(node), ModelBug);
}

}  // namespace
}  // namespace stagecoach
