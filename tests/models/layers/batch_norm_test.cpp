// SPDX-License-Identifier: Apache-2.0
// Does batch_norm2d use the micro-batch's statistics in training, the running ones in evaluation?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerNode batch_norm_node(const Shape& shape, double momentum = 0.1) {
  LayerSpec spec;
  spec.kind = LayerKind::batch_norm2d;
  spec.momentum = momentum;
  return layer_node(spec, shape);
}

struct Moments {
  double mean = 0, squares = 0;
  int count = 0;
};

Moments moments_of_channel(const std::vector<double>& x, const Shape& s, int batch, int channel) {
  const int pixels = static_cast<int>(s.pixels());
  std::vector<double> values;
  for (int n = 0; n < batch; ++n)
    for (int i = 0; i < pixels; ++i) values.push_back(x[(n * s.channels + channel) * pixels + i]);
  Moments m;
  m.count = static_cast<int>(values.size());
  for (double v : values) m.mean += v / m.count;
  for (double v : values) m.squares += (v - m.mean) * (v - m.mean);
  return m;
}

TEST_CASE("batch_norm2d in training normalises by the micro-batch and keeps running statistics",
          "[layers]") {
  for (const Shape& shape : {Shape::image(6, 4, 3), Shape::image(19, 2, 5)})
    for (int batch : {1, 3}) {
      const LayerNode node = batch_norm_node(shape, 0.3);
      FixtureOptions options;
      options.batch = batch;
      options.extra_halo = 1;
      LayerFixture<double> f(node, make_layer<double>(node), options);
      const std::vector<double> x = f.input(0), weight = f.parameter(0), bias = f.parameter(1);
      f.forward();
      const std::vector<double> y = f.output();
      const std::vector<double> mean = exported_state(f, 2), var = exported_state(f, 3);
      const int pixels = static_cast<int>(shape.pixels());
      for (int c = 0; c < shape.channels; ++c) {
        const Moments m = moments_of_channel(x, shape, batch, c);
        CHECK(mean[c] == Approx(0.7 * 0 + 0.3 * m.mean).margin(1e-14));
        CHECK(var[c] == Approx(0.7 * 1 + 0.3 * m.squares / (m.count - 1)).epsilon(1e-12));
        for (int n = 0; n < batch; ++n)
          for (int i = 0; i < pixels; ++i) {
            const int at = (n * shape.channels + c) * pixels + i;
            const double deviation = std::sqrt(m.squares / m.count + 1e-5);
            REQUIRE(y[at] ==
                    Approx((x[at] - m.mean) / deviation * weight[c] + bias[c]).margin(1e-12));
          }
      }
    }
}

TEST_CASE("batch_norm2d in evaluation uses the running statistics and leaves them alone",
          "[layers]") {
  const LayerNode node = batch_norm_node(Shape::image(6, 4, 3));
  LayerFixture<double> f(node, make_layer<double>(node));
  const std::vector<double> mean{1, 2, 3, 4, 5, 6}, var{0.5, 1, 1.5, 2, 2.5, 3};
  f.layer().import_state(2, mean.data(), f.state());
  f.layer().import_state(3, var.data(), f.state());
  f.forward(false);
  const std::vector<double> x = f.input(0), y = f.output();
  for (int i = 0; i < 72; ++i) {
    const int c = i / 12;
    REQUIRE(y[i] == Approx((x[i] - mean[c]) / std::sqrt(var[c] + 1e-5) * f.parameter(0)[c] +
                           f.parameter(1)[c])
                        .margin(1e-12));
  }
  CHECK(exported_state(f, 2) == mean);
  CHECK(exported_state(f, 3) == var);
}

TEST_CASE("batch_norm2d has the gradients of its formula, across the micro-batch's samples",
          "[layers]") {
  for (const Shape& shape :
       {Shape::image(6, 4, 3), Shape::image(3, 5, 5), Shape::image(19, 2, 2)}) {
    const LayerNode node = batch_norm_node(shape);
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-5);  // sums of some ten terms, divided by a deviation
  }
}

TEST_CASE("batch_norm2d of one value per channel gives the bias and finite numbers", "[layers]") {
  const LayerNode node = batch_norm_node(Shape::image(6, 1, 1));
  LayerFixture<double> f(node, make_layer<double>(node));
  f.forward();
  CHECK(f.output() == f.parameter(1));
  f.backward();
  // Terms of about 1 / sqrt(epsilon) cancel up to rounding.
  for (double g : f.gradient_input(0)) CHECK(std::abs(g) < 1e-12);
  for (double v : exported_state(f, 3)) CHECK(v == Approx(0.9));
}

}  // namespace
}  // namespace stagecoach
