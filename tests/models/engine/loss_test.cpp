// SPDX-License-Identifier: Apache-2.0
// Are the losses and their gradients right, also for extreme outputs?
#include "models/engine/loss.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "models/base/error.h"

namespace stagecoach {
namespace {

/// Outputs and gradient of a micro-batch; pads of both start as junk.
template <class T>
struct Outputs {
  Outputs(const Shape& shape, int batch, int halo = 0)
      : layout(shape, halo), outputs(layout.size(batch)), gradients(layout.size(batch)) {
    std::fill_n(outputs.data(), outputs.size(), T(77));
    std::fill_n(gradients.data(), gradients.size(), T(77));
    output = layout.view(outputs.data(), batch);
    gradient = layout.view(gradients.data(), batch);
  }
  Layout<T> layout;
  Buffer<T> outputs, gradients;
  View<T> output, gradient;
};

TEST_CASE("softmax cross-entropy is minus the log of the label's share", "[loss]") {
  Outputs<double> p(Shape::features(3), 2);
  const double y[2][3] = {{1, 2, 3}, {0.5, -1, 0}};
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 3; ++c) p.output.sample(n)[c] = y[n][c];
  const int labels[] = {1, 0};
  const LossResult r = loss_and_gradient<double>(LossKind::softmax_cross_entropy, p.output, labels,
                                                 nullptr, 0.5, p.gradient);
  double expected = 0;
  for (int n = 0; n < 2; ++n) {
    const double sum = std::exp(y[n][0]) + std::exp(y[n][1]) + std::exp(y[n][2]);
    expected -= std::log(std::exp(y[n][labels[n]]) / sum);
    for (int c = 0; c < 3; ++c)
      CHECK(p.gradient.sample(n)[c] ==
            Approx(0.5 * (std::exp(y[n][c]) / sum - (c == labels[n]))).epsilon(1e-14));
  }
  CHECK(r.loss_sum == Approx(expected).epsilon(1e-14));
  CHECK(r.correct == 1);
}

TEMPLATE_TEST_CASE("an output that is no finite number is a loss that is none, and no hit",
                   "[loss]", float, double) {
  const TestType nan = std::numeric_limits<TestType>::quiet_NaN();
  const TestType infinity = std::numeric_limits<TestType>::infinity();
  for (const TestType bad : {nan, infinity, -infinity}) {
    for (int place = 0; place < 3; ++place) {
      for (int label = 0; label < 3; ++label) {
        Outputs<TestType> p(Shape::features(3), 1);
        for (int c = 0; c < 3; ++c)
          p.output.sample(0)[c] = c == place ? bad : static_cast<TestType>(c == label);
        const LossResult r = loss_and_gradient<TestType>(LossKind::softmax_cross_entropy, p.output,
                                                         &label, nullptr, 1, View<TestType>{});
        CAPTURE(bad, place, label);
        CHECK_FALSE(std::isfinite(r.loss_sum));
        CHECK(r.correct == 0);
      }
    }
  }
}

TEMPLATE_TEST_CASE("softmax cross-entropy survives outputs beyond the range of exp", "[loss]",
                   float, double) {
  Outputs<TestType> p(Shape::features(2), 1);
  p.output.sample(0)[0] = 3000;
  p.output.sample(0)[1] = -3000;
  const int right = 0, wrong = 1;
  const auto loss = [&](const int* label) {
    return loss_and_gradient<TestType>(LossKind::softmax_cross_entropy, p.output, label, nullptr, 1,
                                       p.gradient);
  };
  CHECK(loss(&right).loss_sum == 0);
  CHECK(loss(&wrong).loss_sum == 6000);
  CHECK(p.gradient.sample(0)[0] == 1);
  CHECK(p.gradient.sample(0)[1] == -1);
  p.output.sample(0)[1] = std::numeric_limits<TestType>::quiet_NaN();
  CHECK(std::isnan(loss(&right).loss_sum));
  p.output.sample(0)[1] = std::numeric_limits<TestType>::infinity();
  CHECK_FALSE(std::isfinite(loss(&right).loss_sum));
}

TEST_CASE("mean squared error is half the sum of squares, targets channel outermost", "[loss]") {
  Outputs<double> p(Shape::image(2, 1, 2), 2, 1);
  std::vector<double> targets;
  double expected = 0;
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 2; ++c)
      for (int x = 0; x < 2; ++x) {
        const double t = n + 10 * c + 100 * x, y = t + 0.1 * (1 + targets.size());
        targets.push_back(t);
        p.output.pixel(n, 0, x)[c] = y;
        expected += 0.5 * (y - t) * (y - t);
      }
  const LossResult r = loss_and_gradient<double>(LossKind::mean_squared_error, p.output, nullptr,
                                                 targets.data(), 0.25, p.gradient);
  CHECK(r.loss_sum == Approx(expected).epsilon(1e-12));
  CHECK(r.correct == 0);
  std::size_t i = 0;
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 2; ++c)
      for (int x = 0; x < 2; ++x)
        CHECK(p.gradient.pixel(n, 0, x)[c] == Approx(0.25 * 0.1 * (1 + i++)).epsilon(1e-12));
}

TEST_CASE("loss gradients agree with central differences", "[loss]") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(-2, 2);
  for (LossKind kind : {LossKind::softmax_cross_entropy, LossKind::mean_squared_error}) {
    Outputs<double> p(Shape::features(10), 3);
    const int labels[] = {3, 0, 9};
    std::vector<double> targets(30);
    for (double& t : targets) t = uniform(random);
    for (int n = 0; n < 3; ++n)
      for (int c = 0; c < 10; ++c) p.output.sample(n)[c] = uniform(random);
    const double scale = 1.0 / 3;
    const auto loss = [&](const View<double>& gradient) {
      return loss_and_gradient<double>(kind, p.output, labels, targets.data(), scale, gradient)
          .loss_sum;
    };
    loss(p.gradient);
    for (int n = 0; n < 3; ++n)
      for (int c = 0; c < 10; ++c) {
        double& y = p.output.sample(n)[c];
        const double at = y, step = 1e-5;
        y = at + step;
        const double above = loss({});  // a null view: evaluation
        y = at - step;
        const double below = loss({});
        y = at;
        // 1e-9: rounding of the difference, 1e-16 / 1e-5, with room.
        CHECK(p.gradient.sample(n)[c] ==
              Approx(scale * (above - below) / (2 * step)).margin(1e-9).epsilon(1e-7));
      }
  }
}

TEMPLATE_TEST_CASE("pad lanes of the loss gradient are zero", "[loss]", float, double) {
  Outputs<TestType> p(Shape::features(10), 2);
  const int labels[] = {3, 0};
  const std::vector<double> targets(20, 0.5);
  for (LossKind kind : {LossKind::softmax_cross_entropy, LossKind::mean_squared_error}) {
    std::fill_n(p.gradients.data(), p.gradients.size(), TestType(77));
    loss_and_gradient<TestType>(kind, p.output, labels, targets.data(), 1, p.gradient);
    for (int n = 0; n < 2; ++n)
      for (std::int64_t c = 10; c < p.layout.pixel_stride; ++c) CHECK(p.gradient.sample(n)[c] == 0);
  }
}

TEST_CASE("of equal outputs the first class counts as the answer", "[loss]") {
  Outputs<double> p(Shape::features(4), 1);
  for (int c = 0; c < 4; ++c) p.output.sample(0)[c] = 1;
  const auto correct = [&](int label) {
    return loss_and_gradient<double>(LossKind::softmax_cross_entropy, p.output, &label, nullptr, 1,
                                     {})
        .correct;
  };
  CHECK(correct(0) == 1);
  CHECK(correct(1) == 0);
}

TEST_CASE("a loss without what it needs is a bug of the caller", "[loss]") {
  Outputs<double> p(Shape::features(4), 1);
  const int label = 4;
  const auto call = [&](LossKind kind, const int* labels) {
    return loss_and_gradient<double>(kind, p.output, labels, nullptr, 1, {});
  };
  CHECK_THROWS_AS(call(LossKind::softmax_cross_entropy, nullptr), ModelBug);
  CHECK_THROWS_AS(call(LossKind::softmax_cross_entropy, &label), ModelBug);
  CHECK_THROWS_AS(call(LossKind::mean_squared_error, nullptr), ModelBug);
}

}  // namespace
}  // namespace stagecoach
