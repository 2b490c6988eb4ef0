// SPDX-License-Identifier: Apache-2.0
// conv2d against plain loops in double, central differences, and itself with the update fused.
#include "models/layers/conv2d.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/support/fused_update.h"
#include "tests/support/matrix_layers.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach {
namespace {

// Sums of up to a few thousand products of numbers below one, relative to the largest sum.
template <class T>
double conv_tolerance() {
  return sizeof(T) == 4 ? 2e-5 : 2e-13;
}

const std::vector<ConvCase>& conv_cases() {
  static const std::vector<ConvCase> all = {
      // in out  h   w  k s p g  bias batch
      {1, 1, 1, 1, 1, 1, 0, 1, true, 1},
      {3, 5, 6, 7, 3, 1, 1, 1, true, 1},
      {3, 16, 9, 9, 3, 1, 1, 1, false, 1},
      {16, 16, 32, 32, 3, 1, 1, 1, true, 1},  // a whole tile of 16 pixels
      {16, 32, 12, 10, 3, 2, 1, 1, true, 1},
      {16, 32, 8, 8, 1, 2, 0, 1, false, 1},  // residual shortcut
      {17, 33, 7, 5, 3, 1, 1, 1, true, 3},
      {32, 48, 6, 6, 3, 1, 0, 1, true, 1},
      {64, 64, 8, 8, 3, 1, 1, 1, false, 1},
      {40, 70, 4, 4, 3, 1, 1, 1, true, 1},  // few pixels, many channels
      {64, 128, 2, 2, 3, 1, 1, 1, true, 3},
      {168, 130, 4, 4, 3, 1, 1, 1, true, 1},  // more weights than a slab or a block holds
      {560, 270, 5, 3, 1, 1, 0, 1, true, 1},
      {100, 24, 12, 12, 5, 1, 2, 1, true, 1},
      {96, 64, 1, 1, 3, 1, 1, 1, true, 1},
      {1, 6, 28, 28, 5, 1, 2, 1, true, 1},  // LeNet-5
      {6, 16, 14, 14, 5, 1, 0, 1, true, 1},
      {3, 8, 23, 21, 7, 2, 3, 1, true, 1},  // ResNet-50's first
      {5, 9, 11, 13, 5, 3, 2, 1, true, 3},
      {4, 6, 7, 7, 2, 1, 0, 1, true, 1},
      {4, 6, 9, 8, 2, 2, 1, 1, true, 2},
      {2, 3, 8, 8, 2, 3, 0, 1, true, 1},  // pixels that no tap reaches
      {3, 4, 5, 5, 1, 1, 2, 1, true, 1},  // padding beyond the kernel
      {3, 4, 5, 6, 2, 1, 2, 1, true, 1},
      {3, 4, 6, 6, 1, 3, 1, 1, true, 1},
      {6, 9, 7, 6, 3, 1, 1, 3, true, 3},
      {32, 64, 6, 5, 3, 1, 1, 2, true, 1},  // groups of whole vectors
      {8, 32, 6, 6, 5, 2, 2, 2, false, 3},
      {20, 20, 7, 7, 3, 1, 1, 20, true, 1},  // depthwise
      {32, 32, 9, 9, 3, 2, 1, 32, false, 2},
      {33, 33, 10, 11, 5, 3, 2, 33, true, 3},
      {24, 48, 5, 5, 3, 1, 1, 24, true, 1},  // a group gives two
  };
  return all;
}

template <class T>
void require_oracle(const ConvCase& c, Kernels kernels, FixtureOptions options) {
  INFO(to_string(c) << ", extra halo " << options.extra_halo << ", " << sizeof(T) << " bytes");
  options.batch = c.batch;
  LayerFixture<T> f(conv_node(c), make_layer<T>(conv_node(c), kernels), options);
  f.forward();
  f.backward();
  const std::vector<double> b = c.bias ? f.parameter(1) : std::vector<double>();
  const ConvOracle want = conv_oracle(c, f.input(0), f.parameter(0), b, f.gradient_output());
  CHECK(relative_distance(f.output(), want.y) < conv_tolerance<T>());
  CHECK(relative_distance(f.gradient_input(0), want.dx) < conv_tolerance<T>());
  CHECK(relative_distance(f.gradient_parameter(0), want.dw) < conv_tolerance<T>());
  if (c.bias) CHECK(relative_distance(f.gradient_parameter(1), want.db) < conv_tolerance<T>());
  CHECK(f.gradient_pads_and_halos_are_zero());
  CHECK(f.output_halo_is_zero());
}

TEST_CASE("conv2d gives what plain loops give, in f32 and f64") {
  for (const ConvCase& c : conv_cases()) {
    for (const Kernels kernels : {Kernels::fast, Kernels::eigen})
      require_oracle<float>(c, kernels, {});
    require_oracle<double>(c, Kernels::eigen, {});
  }
}

TEST_CASE("conv2d accepts halos wider than it asked for") {
  for (const ConvCase& c : conv_cases()) {
    FixtureOptions options;
    options.extra_halo = 2;
    for (const Kernels kernels : {Kernels::fast, Kernels::eigen})
      require_oracle<float>(c, kernels, options);
    require_oracle<double>(c, Kernels::eigen, options);
  }
}

TEST_CASE("conv2d gradients agree with central differences to 1e-6") {
  for (const ConvCase& c : conv_cases()) {
    const double products = 1.0 * c.in * c.out * c.kernel * c.kernel * c.height * c.width;
    if (products > 15000) continue;  // every element costs two forward passes
    INFO(to_string(c));
    FixtureOptions options;
    options.batch = c.batch;
    LayerFixture<double> f(conv_node(c), make_layer<double>(conv_node(c)), options);
    const GradientError worst = worst_gradient_error(f);
    INFO(worst.where << ": " << worst.analytic << " against " << worst.numeric);
    CHECK(worst.relative < 1e-6);
  }
}

TEMPLATE_TEST_CASE("conv2d adds to gradients where it is told to", "", float, double) {
  const Kernels kernels = GENERATE(Kernels::fast, Kernels::eigen);
  for (const ConvCase& c : conv_cases()) {
    INFO(to_string(c));
    FixtureOptions options;
    options.batch = c.batch;
    LayerFixture<TestType> f(conv_node(c), make_layer<TestType>(conv_node(c), kernels), options);
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
    CHECK(relative_distance(f.gradient_input(0), want) < conv_tolerance<TestType>());
    CHECK(relative_distance(f.gradient_parameter(0), twice) < conv_tolerance<TestType>());
    CHECK(f.gradient_pads_and_halos_are_zero());
  }
}

TEST_CASE("conv2d leaves gradients that nobody wants alone") {
  const Kernels kernels = GENERATE(Kernels::fast, Kernels::eigen);
  const ConvCase c{16, 32, 8, 8, 3, 1, 1, 1, true, 1};
  LayerFixture<float> f(conv_node(c), make_layer<float>(conv_node(c), kernels));
  f.forward();
  f.backward();
  const std::vector<double> dx = f.gradient_input(0), dw = f.gradient_parameter(0);

  f.set_gradient_input(0, std::vector<double>(dx.size(), 5.0));
  BackwardArgs<float>& weights_only = f.backward_args();
  f.wanted_gradient(0).data = nullptr;
  f.run(weights_only);
  CHECK(f.gradient_input(0) == std::vector<double>(dx.size(), 5.0));
  CHECK(f.gradient_parameter(0) == dw);

  std::fill_n(f.gradient_parameters(), f.parameter_elements(), 5.0f);
  BackwardArgs<float>& input_only = f.backward_args();
  input_only.gradient_parameters = nullptr;
  f.run(input_only);
  CHECK(f.gradient_parameter(0) == std::vector<double>(dw.size(), 5.0));
  CHECK(f.gradient_input(0) == dx);
}

TEST_CASE("conv2d with the update fused leaves what gradient then update leave") {
  for (const ConvCase& c : conv_cases()) {
    INFO(to_string(c));
    FixtureOptions options;
    options.batch = c.batch;
    LayerFixture<float> f(conv_node(c), make_layer<float>(conv_node(c)), options);
    CHECK(f.layer().fuses_update(c.batch) == (c.groups == 1));
    if (c.groups == 1) require_fused_equals_unfused(f, conv_tolerance<float>());
  }
}

TEST_CASE("conv2d brings parameters in PyTorch's order in and out unchanged") {
  for (const ConvCase& c : conv_cases()) {
    INFO(to_string(c));
    LayerFixture<float> f(conv_node(c), make_layer<float>(conv_node(c)));
    const auto slots = f.layer().slots();
    for (std::size_t s = 0; s < slots.size(); ++s) {
      CHECK(slots[s].offset % kLanes<float> == 0);
      const std::vector<double> values = f.randoms(f.node().parameters[s].elements());
      f.set_parameter(int(s), values);
      CHECK(f.parameter(int(s)) == values);
    }
  }
}

TEST_CASE("conv2d refuses a node whose shapes do not fit") {
  LayerNode node = conv_node({3, 5, 6, 7, 3, 1, 1, 1});
  node.output.width += 1;
  CHECK_THROWS_AS(make_layer<float>(node), ModelBug);
}

}  // namespace
}  // namespace stagecoach
