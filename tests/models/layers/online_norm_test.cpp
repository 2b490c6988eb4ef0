// SPDX-License-Identifier: Apache-2.0
// Does online_norm normalise by the past, and control its gradient as published?
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerNode online_node(const Shape& shape, double forward_decay, double backward_decay) {
  LayerSpec spec;
  spec.kind = LayerKind::online_norm;
  spec.forward_decay = forward_decay;
  spec.backward_decay = backward_decay;
  return layer_node(spec, shape);
}

/// The published recurrences, one sample at a time, in PyTorch's order.
struct NaiveOnlineNorm {
  explicit NaiveOnlineNorm(const LayerNode& n)
      : node(n),
        channels(n.output.channels),
        pixels(static_cast<int>(n.output.pixels())),
        mu(channels, 0.0),
        var(channels, 1.0),
        v(channels, 0.0),
        u(channels, 0.0) {}

  std::vector<double> forward(const std::vector<double>& x) {
    const double f = node.spec.forward_decay;
    yn.resize(x.size());
    y.resize(x.size());
    scale = var;
    double squares = 0;
    for (int c = 0; c < channels; ++c) {
      scale[c] = std::sqrt(var[c] + node.spec.epsilon);
      double mean = 0, variance = 0;
      for (int i = 0; i < pixels; ++i) mean += x[c * pixels + i] / pixels;
      for (int i = c * pixels; i < (c + 1) * pixels; ++i) {
        variance += (x[i] - mean) * (x[i] - mean) / pixels;
        yn[i] = (x[i] - mu[c]) / scale[c];
        y[i] = weight[c] * yn[i] + bias[c];
        squares += y[i] * y[i];
      }
      var[c] = f * var[c] + (1 - f) * variance + f * (1 - f) * (mean - mu[c]) * (mean - mu[c]);
      mu[c] = f * mu[c] + (1 - f) * mean;
    }
    layer_scale = std::sqrt(squares / static_cast<double>(x.size()) + node.spec.epsilon);
    for (double& e : y) e /= layer_scale;
    return y;
  }

  std::vector<double> backward(const std::vector<double>& dy) {
    const double leak = 1 - node.spec.backward_decay;
    double projected = 0;
    for (std::size_t i = 0; i < dy.size(); ++i) projected += dy[i] * y[i] / dy.size();
    std::vector<double> dx(dy.size());
    for (int c = 0; c < channels; ++c) {
      double along = 0, mean = 0;
      for (int i = c * pixels; i < (c + 1) * pixels; ++i) {
        const double g = weight[c] * (dy[i] - y[i] * projected) / layer_scale;
        const double controlled = g - leak * v[c] * yn[i];
        along += controlled * yn[i] / pixels;
        dx[i] = controlled / scale[c] - leak * u[c];
        mean += dx[i] / pixels;
      }
      v[c] += along;
      u[c] += mean;
    }
    return dx;
  }

  LayerNode node;
  int channels, pixels;
  std::vector<double> mu, var, v, u, weight, bias;
  std::vector<double> yn, y, scale;
  double layer_scale = 1;
};

void require_close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Approx(b[i]).margin(1e-12));
}

TEST_CASE("online_norm follows the published recurrences over many samples", "[layers]") {
  for (const Shape& shape : {Shape::image(6, 4, 3), Shape::image(19, 2, 2)}) {
    const LayerNode node = online_node(shape, 0.9, 0.8);  // short memories: states move
    FixtureOptions options;
    options.extra_halo = 1;
    LayerFixture<double> f(node, make_layer<double>(node), options);
    NaiveOnlineNorm naive(node);
    for (int sample = 0; sample < 12; ++sample) {
      f.fill_random();
      naive.weight = f.parameter(0);
      naive.bias = f.parameter(1);
      f.forward();
      require_close(f.output(), naive.forward(f.input(0)));
      f.backward();
      require_close(f.gradient_input(0), naive.backward(f.gradient_output()));
    }
    require_close(exported_state(f, 2), naive.mu);
    require_close(exported_state(f, 3), naive.var);
    require_close(exported_state(f, 4), naive.v);
    require_close(exported_state(f, 5), naive.u);
  }
}

TEST_CASE("online_norm takes the samples of a micro-batch one after another", "[layers]") {
  const LayerNode node = online_node(Shape::image(6, 4, 3), 0.9, 0.8);
  FixtureOptions options;
  options.batch = 3;
  LayerFixture<double> f(node, make_layer<double>(node), options);
  NaiveOnlineNorm naive(node);
  naive.weight = f.parameter(0);
  naive.bias = f.parameter(1);
  const std::vector<double> x = f.input(0), dy = f.gradient_output();
  std::vector<double> y;
  std::vector<NaiveOnlineNorm> at_sample;
  for (int n = 0; n < 3; ++n) {
    const std::vector<double> one = naive.forward({x.begin() + n * 72, x.begin() + (n + 1) * 72});
    y.insert(y.end(), one.begin(), one.end());
    at_sample.push_back(naive);
  }
  f.forward();
  require_close(f.output(), y);
  std::vector<double> dx;
  for (int n = 0; n < 3; ++n) {
    at_sample[n].v = n ? at_sample[n - 1].v : naive.v;
    at_sample[n].u = n ? at_sample[n - 1].u : naive.u;
    const std::vector<double> one =
        at_sample[n].backward({dy.begin() + n * 72, dy.begin() + (n + 1) * 72});
    dx.insert(dx.end(), one.begin(), one.end());
  }
  f.backward();
  require_close(f.gradient_input(0), dx);
  require_close(exported_state(f, 4), at_sample[2].v);
  require_close(exported_state(f, 5), at_sample[2].u);
}

TEST_CASE("online_norm without control and with frozen statistics has exact gradients",
          "[layers]") {
  for (const Shape& shape :
       {Shape::image(6, 4, 3), Shape::image(3, 5, 5), Shape::image(19, 2, 2)}) {
    const LayerNode node = online_node(shape, 1.0, 1.0);
    const auto warm = [](LayerFixture<double>& f) {
      const std::vector<double> mean = f.randoms(f.node().output.channels);
      std::vector<double> var = f.randoms(f.node().output.channels);
      for (double& v : var) v += 1.5;
      f.layer().import_state(2, mean.data(), f.state());
      f.layer().import_state(3, var.data(), f.state());
    };
    check_gradients(node, warm);
    check_float_follows_double(node, 1e-5);  // sums of some ten terms, divided by a deviation
    check_accumulation(node);
  }
}

TEST_CASE("online_norm in evaluation uses the running statistics and leaves them alone",
          "[layers]") {
  const LayerNode node = online_node(Shape::image(6, 4, 3), 0.9, 0.8);
  LayerFixture<double> f(node, make_layer<double>(node));
  NaiveOnlineNorm naive(node);
  naive.weight = f.parameter(0);
  naive.bias = f.parameter(1);
  f.forward();
  naive.forward(f.input(0));
  const std::vector<double> state(f.state(), f.state() + f.state_elements());
  f.forward(false);
  require_close(f.output(), naive.forward(f.input(0)));
  CHECK(std::vector<double>(f.state(), f.state() + f.state_elements()) == state);
}

}  // namespace
}  // namespace stagecoach
