// SPDX-License-Identifier: Apache-2.0
// What every layer must pass, whatever it computes.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "models/graph/network.h"
#include "models/layers/layer.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach {

/// The node of a layer fed with values of the given shape (an add gets the same value twice or
/// more: every input its own buffer in the fixture).
inline LayerNode layer_node(LayerSpec spec, const Shape& input, int inputs = 1) {
  NetworkSpec network{input, {}};
  if (inputs > 1) spec.inputs.assign(inputs, "input");
  network.layers.push_back(spec);
  return build_network(network).layers.front();
}

inline LayerNode layer_node(LayerKind kind, const Shape& input, int inputs = 1) {
  LayerSpec spec;
  spec.kind = kind;
  return layer_node(spec, input, inputs);
}

/// Batches, halos and, where the layer can, in-place: the memory a stage may give a layer.
inline std::vector<FixtureOptions> memory_variants(const LayerNode& node) {
  std::vector<FixtureOptions> variants;
  const bool in_place = make_layer<double>(node)->needs().in_place;
  for (int batch : {1, 3})
    for (int halo : {0, 2})
      for (int place = 0; place <= (in_place ? 1 : 0); ++place) {
        FixtureOptions options;
        options.batch = batch;
        options.extra_halo = halo;
        options.in_place = place == 1;
        variants.push_back(options);
      }
  return variants;
}

inline std::string describe(const FixtureOptions& o) {
  return "batch " + std::to_string(o.batch) + ", halo " + std::to_string(o.extra_halo) +
         (o.in_place ? ", in place" : "");
}

/// Changes a fixture's random numbers before they are used (moves them away from kinks).
using Prepare = std::function<void(LayerFixture<double>&)>;

/// Keeps |x| at least 0.01, so that central differences do not straddle a kink at zero.
inline void avoid_zero(LayerFixture<double>& f) {
  for (std::size_t i = 0; i < f.node().input_shapes.size(); ++i) {
    std::vector<double> x = f.input(static_cast<int>(i));
    for (double& v : x) v = std::copysign(std::max(std::abs(v), 0.01), v);
    f.set_input(static_cast<int>(i), x);
  }
}

/// All gradients of the layer against central differences in every memory variant; also that
/// pads of gradients are zero and halos untouched.
inline void check_gradients(const LayerNode& node, const Prepare& prepare = nullptr) {
  for (const FixtureOptions& options : memory_variants(node)) {
    INFO(describe(options));
    LayerFixture<double> f(node, make_layer<double>(node), options);
    if (prepare) prepare(f);
    const GradientError worst = worst_gradient_error(f);
    INFO(worst.where << ": analytic " << worst.analytic << ", numeric " << worst.numeric);
    CHECK(worst.relative < 1e-6);
    f.forward();
    CHECK(f.output_halo_is_zero());
    f.backward();
    CHECK(f.gradient_pads_and_halos_are_zero());
  }
}

/// Outputs in evaluation and training against a formula that sees one sample's input in PyTorch's
/// order, and the parameters. 1e-12: both compute in double, sums differ in their order only.
using ParameterFormula = std::function<std::vector<double>(
    const std::vector<double>& x, const std::vector<std::vector<double>>& parameters)>;
inline void check_values_with(const LayerNode& node, const ParameterFormula& formula,
                              double tolerance = 1e-12) {
  for (const FixtureOptions& options : memory_variants(node)) {
    INFO(describe(options));
    LayerFixture<double> f(node, make_layer<double>(node), options);
    std::vector<std::vector<double>> parameters;
    for (int s = 0; s < static_cast<int>(f.layer().slots().size()); ++s)
      parameters.push_back(f.parameter(s));
    const std::vector<double> x = f.input(0);
    const std::size_t n = x.size() / options.batch;
    std::vector<double> expected;
    for (int i = 0; i < options.batch; ++i) {
      const std::vector<double> y =
          formula({x.begin() + i * n, x.begin() + (i + 1) * n}, parameters);
      expected.insert(expected.end(), y.begin(), y.end());
    }
    for (bool training : {false, true}) {
      f.set_input(0, x);
      f.forward(training);
      const std::vector<double> y = f.output();
      REQUIRE(y.size() == expected.size());
      for (std::size_t i = 0; i < y.size(); ++i)
        REQUIRE(y[i] == Approx(expected[i]).margin(tolerance).epsilon(tolerance));
    }
  }
}

using SampleFormula = std::function<std::vector<double>(const std::vector<double>&)>;
inline void check_values(const LayerNode& node, const SampleFormula& formula,
                         double tolerance = 1e-12) {
  check_values_with(
      node, [&](const std::vector<double>& x, const auto&) { return formula(x); }, tolerance);
}

/// The same numbers through float and double: outputs, input and parameter gradients agree within
/// `tolerance` x the largest of the tensor.
inline void check_float_follows_double(const LayerNode& node, double tolerance,
                                       bool keep_from_zero = false) {
  FixtureOptions options;
  options.batch = 3;
  options.extra_halo = 1;
  LayerFixture<double> d(node, make_layer<double>(node), options);
  LayerFixture<float> f(node, make_layer<float>(node), options);
  // Both start from numbers that float can hold.
  auto rounded = [](std::vector<double> values) {
    for (double& v : values) v = static_cast<float>(v);
    return values;
  };
  if (keep_from_zero) avoid_zero(d);
  for (int i = 0; i < static_cast<int>(node.input_shapes.size()); ++i) {
    d.set_input(i, rounded(d.input(i)));
    f.set_input(i, d.input(i));
  }
  for (int s = 0; s < static_cast<int>(d.layer().slots().size()); ++s) {
    d.set_parameter(s, rounded(d.parameter(s)));
    f.set_parameter(s, d.parameter(s));
  }
  d.set_gradient_output(rounded(d.gradient_output()));
  f.set_gradient_output(d.gradient_output());
  auto agree = [&](const char* what, const std::vector<double>& a, const std::vector<double>& b) {
    INFO(what);
    double largest = 1e-30;
    for (double v : a) largest = std::max(largest, std::abs(v));
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      REQUIRE(std::abs(a[i] - b[i]) <= tolerance * largest);
  };
  d.forward();
  f.forward();
  agree("output", d.output(), f.output());
  d.backward();
  f.backward();
  for (std::size_t i = 0; i < node.input_shapes.size(); ++i)
    agree("input gradient", d.gradient_input(static_cast<int>(i)),
          f.gradient_input(static_cast<int>(i)));
  for (std::size_t s = 0; s < d.layer().slots().size(); ++s)
    agree("parameter gradient", d.gradient_parameter(static_cast<int>(s)),
          f.gradient_parameter(static_cast<int>(s)));
  CHECK(f.gradient_pads_and_halos_are_zero());
}

/// Backward adds to what is there when asked: b + g where overwriting gives g.
inline void check_accumulation(const LayerNode& node) {
  FixtureOptions options;
  options.batch = 2;
  LayerFixture<double> f(node, make_layer<double>(node), options);
  const int inputs = static_cast<int>(node.input_shapes.size());
  const std::vector<double> state(f.state(), f.state() + f.state_elements());
  f.forward();
  const std::vector<double> trained(f.state(), f.state() + f.state_elements());
  f.backward();
  std::vector<std::vector<double>> dx, dw, before;
  for (int i = 0; i < inputs; ++i) dx.push_back(f.gradient_input(i));
  const int slots = static_cast<int>(f.layer().slots().size());
  for (int s = 0; s < slots; ++s) dw.push_back(f.gradient_parameter(s));
  for (int i = 0; i < inputs; ++i) {
    before.push_back(f.randoms(static_cast<std::int64_t>(dx[i].size())));
    f.set_gradient_input(i, before[i]);
  }
  std::copy(trained.begin(), trained.end(), f.state());
  BackwardArgs<double>& args = f.backward_args();
  for (int i = 0; i < inputs; ++i) f.accumulate(i) = true;
  args.accumulate_parameters = true;
  f.run(args);
  for (int i = 0; i < inputs; ++i) {
    const std::vector<double> now = f.gradient_input(i);
    for (std::size_t e = 0; e < now.size(); ++e)
      REQUIRE(now[e] == Approx(before[i][e] + dx[i][e]).margin(1e-13));
  }
  for (int s = 0; s < slots; ++s) {
    const std::vector<double> now = f.gradient_parameter(s);
    for (std::size_t e = 0; e < now.size(); ++e)
      REQUIRE(now[e] == Approx(2 * dw[s][e]).margin(1e-13));
  }
  CHECK(f.gradient_pads_and_halos_are_zero());
}

/// State `index` of a layer with one number a channel, as weight files have it.
inline std::vector<double> exported_state(LayerFixture<double>& f, int index) {
  std::vector<double> values(f.node().output.channels);
  f.layer().export_state(index, f.state(), values.data());
  return values;
}

}  // namespace stagecoach
