// SPDX-License-Identifier: Apache-2.0
// Sums over many pixels in 32 bits: as near to 64 bits on a megapixel as on a small image, and
// norms right for every magnitude that 32 bits hold, wherever an odd pixel stands.
#include <cmath>
#include <limits>

#include "models/layers/definition.h"
#include "tests/support/layer_checks.h"
#include "tests/support/matrix_layers.h"

namespace stagecoach {
namespace {

constexpr LayerKind kNorms[] = {LayerKind::batch_norm2d, LayerKind::group_norm,
                                LayerKind::layer_norm, LayerKind::filter_response_norm,
                                LayerKind::online_norm};

LayerNode norm_node(LayerKind kind, const Shape& shape, double epsilon = 1e-5) {
  LayerSpec spec;
  spec.kind = kind;
  spec.groups = 1;
  spec.epsilon = epsilon;
  return layer_node(spec, shape);
}

std::vector<double> constant(std::int64_t n, float value) { return std::vector<double>(n, value); }

struct Numbers {
  std::vector<double> y, dx;
  std::vector<std::vector<double>> dw;
};

template <class T>
Numbers run(const LayerNode& node, Kernels kernels, const std::vector<double>& x,
            const std::vector<double>& dy, double weight = 0) {
  LayerFixture<T> f(node, make_layer<T>(node, kernels));
  f.set_input(0, x);
  if (weight != 0) f.set_parameter(0, constant(node.parameters[0].elements(), weight));
  if (!dy.empty()) f.set_gradient_output(dy);
  f.forward();
  f.backward();
  Numbers numbers{f.output(), f.gradient_input(0), {}};
  for (int s = 0; s < static_cast<int>(f.layer().slots().size()); ++s)
    numbers.dw.push_back(f.gradient_parameter(s));
  return numbers;
}

void require_near(const Numbers& a, const Numbers& b, double tolerance) {
  CHECK(relative_distance(a.y, b.y) < tolerance);
  CHECK(relative_distance(a.dx, b.dx) < tolerance);
  for (std::size_t s = 0; s < a.dw.size(); ++s)
    CHECK(relative_distance(a.dw[s], b.dw[s]) < tolerance);
}

/// Both precisions, both ways of computing the first; `weight`: of all connections, 0: random ones.
void require_as_in_64_bits(const LayerNode& node, const std::vector<double>& x,
                           const std::vector<double>& dy, double tolerance = 1e-5,
                           double weight = 0) {
  const Numbers exact = run<double>(node, Kernels::eigen, x, dy, weight);
  for (const Kernels kernels : {Kernels::fast, Kernels::eigen}) {
    if (kernels == Kernels::fast && !definition_of(node.spec.kind).make_fast) continue;
    INFO(to_word(kernels));
    require_near(run<float>(node, kernels, x, dy, weight), exact, tolerance);
  }
}

std::vector<double> random(std::int64_t n, unsigned seed, double offset = 0) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> values(n);
  for (double& v : values) v = static_cast<float>(offset + uniform(generator));
  return values;
}

/// Gradients that go with the values: the sum of their products does not cancel.
std::vector<double> along(const std::vector<double>& x, double share) {
  std::vector<double> dy = random(x.size(), 3);
  for (std::size_t i = 0; i < x.size(); ++i) dy[i] = static_cast<float>(dy[i] + share * x[i]);
  return dy;
}

TEST_CASE("norms see a variance wherever the odd pixel stands", "[layers]") {
  const Shape shape = Shape::image(1, 224, 224);
  for (const LayerKind kind : kNorms)
    for (const int at : {0, 5, 224 * 224 - 1}) {
      INFO(to_word(kind) << ", pixel " << at);
      std::vector<double> x(shape.elements());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = i * 7919 % 3 == 0;
      x[at] = 1020;
      require_as_in_64_bits(norm_node(kind, shape), x, along(x, 0.01));
    }
}

TEST_CASE("norms are right for every magnitude that 32 bits hold", "[layers]") {
  const Shape shape = Shape::image(3, 20, 30);
  const std::vector<double> unit = random(shape.elements(), 5);
  for (const LayerKind kind : kNorms)
    for (const double magnitude : {1e-38, 1e-30, 1e-12, 1e-3, 1.0, 1e3, 1e12, 1e19, 1e30, 1e37}) {
      INFO(to_word(kind) << ", magnitude " << magnitude);
      std::vector<double> x = unit;
      for (double& v : x) v = static_cast<float>(v * magnitude);
      const LayerNode node = norm_node(kind, shape);
      const Numbers exact = run<double>(node, Kernels::eigen, x, {});
      const Numbers rounded = run<float>(node, Kernels::eigen, x, {});
      CHECK(relative_distance(rounded.y, exact.y) < 1e-5);
      // Beyond 1e19 the gradient is below what 32 bits tell from zero at the other end.
      if (magnitude < 1e30) CHECK(relative_distance(rounded.dx, exact.dx) < 1e-5);
    }
}

TEST_CASE("what online norm keeps of samples of any magnitude is what 64 bits keep", "[layers]") {
  const LayerNode node = norm_node(LayerKind::online_norm, Shape::image(3, 20, 30));
  const auto kept = [&node](auto zero, double magnitude) {
    using T = decltype(zero);
    LayerFixture<T> f(node, make_layer<T>(node, Kernels::eigen));
    for (const unsigned sample : {1, 2, 3}) {
      std::vector<double> x = random(node.output.elements(), sample, 0.5);
      for (double& v : x) v = static_cast<float>(v * magnitude);
      f.set_input(0, x);
      f.set_gradient_output(random(node.output.elements(), 10 + sample));
      f.forward();
      f.backward();
    }
    std::vector<std::vector<double>> rows;
    for (const int index : {2, 3, 4, 5}) {
      std::vector<T> values(3);
      f.layer().export_state(index, f.state(), values.data());
      rows.emplace_back(values.begin(), values.end());
    }
    return rows;
  };
  // The first sample meets a variance of 1: its normalised values have squares beyond 32 bits.
  for (const double magnitude : {1e-20, 1.0, 1e18, 1e19}) {
    CAPTURE(magnitude);
    const auto exact = kept(double{}, magnitude), rounded = kept(float{}, magnitude);
    for (std::size_t row = 0; row < exact.size(); ++row) {
      CAPTURE(row);
      for (const double v : rounded[row]) REQUIRE(std::isfinite(v));
      CHECK(relative_distance(rounded[row], exact[row]) < 1e-4);
    }
  }
}

TEST_CASE("norms whose epsilon is nothing see the smallest numbers that 32 bits hold", "[layers]") {
  const Shape shape = Shape::image(3, 20, 30);
  const std::vector<double> unit = random(shape.elements(), 5), dy = random(shape.elements(), 6);
  for (const LayerKind kind : kNorms)
    for (const double magnitude : {1e-36, 1e-25, 1e-20, 1e-12, 1.0, 1e19, 1e37}) {
      INFO(to_word(kind) << ", magnitude " << magnitude);
      std::vector<double> x = unit, constant(shape.elements(), static_cast<float>(magnitude));
      for (double& v : x) v = static_cast<float>(v * magnitude);
      // Online norm's first sample meets variance 1.
      const LayerNode node = norm_node(kind, shape, 1e-90);
      const Numbers exact = run<double>(node, Kernels::eigen, x, {});
      const Numbers rounded = run<float>(node, Kernels::eigen, x, {});
      CHECK(relative_distance(rounded.y, exact.y) < 1e-5);
      // Without any variance: no number, however large the slope, may become a NaN.
      for (const double v : run<float>(node, Kernels::eigen, constant, {}).y)
        REQUIRE(std::isfinite(v));
    }
}

TEST_CASE("norms far from zero keep the digits that the inputs have", "[layers]") {
  const Shape shape = Shape::image(2, 64, 64);
  for (const LayerKind kind : {LayerKind::batch_norm2d, LayerKind::group_norm,
                               LayerKind::layer_norm, LayerKind::online_norm}) {
    INFO(to_word(kind));
    // A mean in 32 bits would be off by 1e-4, 1e-3 and 0.1 of a standard deviation, and the
    // deviation around it by as much.
    for (const double offset : {1e3, 1e4, -1e6}) {
      INFO("offset " << offset);
      require_as_in_64_bits(norm_node(kind, shape), random(shape.elements(), 7, offset),
                            random(shape.elements(), 8));
    }
  }
}

/// Mean and variance that a norm keeps after so many samples around 1000, and its next output.
template <class T>
std::vector<std::vector<double>> after_many(const LayerNode& node, int samples) {
  const Shape& shape = node.output;
  LayerFixture<T> f(node, make_layer<T>(node, Kernels::eigen));
  for (int s = 0; s < samples; ++s) {
    f.set_input(0, random(shape.elements(), static_cast<unsigned>(s), 1000));
    f.forward();
  }
  std::vector<std::vector<double>> numbers{f.output()};
  for (const int index : {2, 3}) {
    std::vector<T> values(static_cast<std::size_t>(shape.channels));
    f.layer().export_state(index, f.state(), values.data());
    numbers.emplace_back(values.begin(), values.end());
  }
  return numbers;
}

TEST_CASE("running statistics move by steps that 32 bits round off", "[layers]") {
  LayerSpec online, batch;
  online.kind = LayerKind::online_norm, online.forward_decay = 0.999;
  batch.kind = LayerKind::batch_norm2d, batch.momentum = 0.001;
  for (const LayerSpec& spec : {online, batch}) {
    INFO(to_word(spec.kind));
    const LayerNode node = layer_node(spec, Shape::image(2, 3, 3));
    const auto exact = after_many<double>(node, 15000), rounded = after_many<float>(node, 15000);
    // In 32 bits the mean would stop 0.03 short of 1000, a twentieth of the deviation.
    CHECK(relative_distance(rounded[0], exact[0]) < 1e-5);
    CHECK(relative_distance(rounded[1], exact[1]) < 1e-7);
    CHECK(relative_distance(rounded[2], exact[2]) < 1e-6);
  }
}

TEST_CASE("means of equal numbers are that number, whatever the image's size", "[layers]") {
  for (const int size : {1, 2, 3, 100, 512, 1024}) {
    const Shape shape = Shape::image(1, size, size);
    const LayerNode global = layer_node(LayerKind::global_avg_pool2d, shape);
    LayerSpec spec;
    spec.kind = LayerKind::avg_pool2d;
    spec.kernel = spec.stride = size;
    for (const LayerNode& node : {global, layer_node(spec, shape)}) {
      INFO(to_word(node.spec.kind) << " of " << size);
      for (const float value : {0.1f, 3e38f, -3e38f}) {
        const Numbers n = run<float>(node, Kernels::fast, constant(shape.elements(), value), {});
        CHECK(std::abs(n.y[0] - value) <= 1e-7 * std::abs(value));
      }
    }
  }
}

TEST_CASE("sums over a megapixel agree with 64 bits to 1e-5", "[layers]") {
  for (const int size : {333, 1024}) {
    const Shape shape = Shape::image(2, size, size);
    const std::vector<double> x = random(shape.elements(), 1, 0.5);
    std::vector<LayerNode> nodes{layer_node(LayerKind::global_avg_pool2d, shape)};
    for (const LayerKind kind : kNorms) nodes.push_back(norm_node(kind, shape));
    for (const int groups : {1, 2})
      nodes.push_back(conv_node({2, 4 - groups, size, size, 3, 1, 1, groups, true, 1}));
    nodes.back() = conv_node({2, 2, size, size, 3, 2, 1, 2, true, 1});  // depthwise
    for (const LayerNode& node : nodes) {
      INFO(to_word(node.spec.kind) << " of " << size << ", groups " << node.spec.groups);
      const bool norm = node.output == shape && node.spec.kind != LayerKind::conv2d;
      require_as_in_64_bits(node, x, norm ? along(x, 1) : random(node.output.elements(), 2, 0.5));
      // Equal terms: roundings do not average out.
      if (node.spec.kind == LayerKind::conv2d)
        require_as_in_64_bits(node, constant(shape.elements(), 0.1f),
                              constant(node.output.elements(), 0.3f));
    }
  }
}

TEST_CASE("every other kind on a megapixel agrees with 64 bits to 1e-5", "[layers]") {
  int asked = 0;
  for (const LayerKind kind : all_layer_kinds()) {
    // The sums above, and those over a million features below.
    if (definition_of(kind).normalized.values || kind == LayerKind::conv2d ||
        kind == LayerKind::global_avg_pool2d || kind == LayerKind::linear ||
        kind == LayerKind::sparse_linear)
      continue;
    LayerSpec spec;
    spec.kind = kind;
    spec.kernel = 3, spec.stride = 2;
    const int inputs = definition_of(kind).inputs == LayerInputs::one ? 1 : 2;
    const LayerNode node = layer_node(spec, Shape::image(1, 1024, 1024), inputs);
    INFO(to_word(kind));
    require_as_in_64_bits(node, random(1024 * 1024, 1, 0.5),
                          random(node.output.elements(), 2, 0.5));
    ++asked;
  }
  CHECK(asked == 12);
}

TEST_CASE("sums over many channels agree with 64 bits to 1e-5", "[layers]") {
  // Equal terms: roundings do not average out.
  for (const auto& [channels, kernel] :
       {std::pair(64, 3), {70, 3}, {72, 3}, {512, 3}, {520, 3}, {100, 5}, {640, 1}, {4608, 1}})
    for (const auto& [in, out] : {std::pair(channels, 16), {16, channels}}) {
      INFO(in << " to " << out << " channels, kernel " << kernel);
      const LayerNode node = conv_node({in, out, 5, 5, kernel, 1, kernel / 2, 1, true, 1});
      require_as_in_64_bits(node, constant(std::int64_t{in} * 25, 0.1f),
                            constant(node.output.elements(), 0.7f), 1e-5, 0.3f);
    }
}

TEST_CASE("sums over a million features agree with 64 bits to 1e-5", "[layers]") {
  constexpr int kMany = 1 << 20;
  LayerSpec sparse;
  sparse.kind = LayerKind::sparse_linear;
  for (const auto& [in, out] :
       {std::pair(kMany, 2), {2, kMany}, {1000, 33}, {40, 9001}, {33000, 3}}) {
    sparse.out_features = sparse.fan_out = out;  // every connection
    for (const LayerNode& node :
         {linear_node(in, out, true), layer_node(sparse, Shape::features(in))}) {
      INFO(to_word(node.spec.kind) << " from " << in << " to " << out);
      require_as_in_64_bits(node, random(in, 1, 0.5), random(out, 2, 0.5));
      for (const Kernels kernels : {Kernels::fast, Kernels::eigen}) {
        // Equal terms: roundings do not average out.
        LayerFixture<float> f(node, make_layer<float>(node, kernels));
        f.set_input(0, constant(in, 0.1f));
        f.set_parameter(0, constant(std::int64_t{in} * out, 0.3f));
        f.set_parameter(1, constant(out, 0));
        f.set_gradient_output(constant(out, 0.7f));
        f.forward();
        f.backward();
        CHECK(f.output()[0] == Approx(in * (double{0.1f} * double{0.3f})).epsilon(1e-5));
        CHECK(f.gradient_input(0)[0] == Approx(out * (double{0.3f} * double{0.7f})).epsilon(1e-5));
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
