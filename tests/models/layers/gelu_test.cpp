// SPDX-License-Identifier: Apache-2.0
// Does gelu follow its exact formula, and cost what it says?
#include <limits>

#include "models/layers/definition.h"
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

const Shape kGeluImage = Shape::image(6, 5, 3);
const Shape kGeluFeatures = Shape::features(19);

TEST_CASE("gelu follows the formula, and its gradient central differences", "[layers]") {
  for (const Shape& shape : {kGeluImage, kGeluFeatures}) {
    const LayerNode node = layer_node(LayerKind::gelu, shape);
    check_values(node, [](const std::vector<double>& x) {
      std::vector<double> y;
      for (double v : x) y.push_back(v * 0.5 * std::erfc(-v / std::sqrt(2.0)));
      return y;
    });
    check_gradients(node);
    check_accumulation(node);
    check_float_follows_double(node, 1e-6);
  }
}

template <class T>
LayerFixture<T> gelu_fixture(const std::vector<double>& x) {
  const LayerNode node = layer_node(LayerKind::gelu, Shape::features(static_cast<int>(x.size())));
  LayerFixture<T> f(node, make_layer<T>(node));
  f.set_input(0, x);
  return f;
}

// x P(x) and P(x) + x p(x) with the error function of another library, to seven digits.
TEMPLATE_TEST_CASE("gelu gives the numbers of its exact form", "[layers]", float, double) {
  LayerFixture<TestType> f = gelu_fixture<TestType>({-2, -1, 0, 0.5, 1, 3});
  const std::vector<double> y{-0.0455003, -0.1586553, 0, 0.3457312, 0.8413447, 2.9959503};
  const std::vector<double> slope{-0.0852318, -0.0833155, 0.5, 0.8674951, 1.0833155, 1.0119456};
  f.forward();
  f.set_gradient_output(std::vector<double>(6, 1.0));
  f.backward();
  for (int i = 0; i < 6; ++i) {
    CHECK(f.output()[i] == Approx(y[i]).margin(2e-7));
    CHECK(f.gradient_input(0)[i] == Approx(slope[i]).margin(2e-7));
  }
}

TEMPLATE_TEST_CASE("gelu neither overflows nor hides NaN", "[layers]", float, double) {
  LayerFixture<TestType> f =
      gelu_fixture<TestType>({-1e30, -100, 100, 1e30, std::numeric_limits<double>::quiet_NaN()});
  f.forward();
  const std::vector<double> y = f.output();
  CHECK((y[0] == 0 && y[1] == 0 && y[2] == 100));
  CHECK(y[3] == Approx(1e30));
  CHECK(std::isnan(y[4]));
  f.set_gradient_output(std::vector<double>(5, 1.0));
  f.backward();
  const std::vector<double> dx = f.gradient_input(0);
  CHECK((dx[0] == 0 && dx[1] == 0 && dx[2] == 1 && dx[3] == 1));
}

TEST_CASE("gelu keeps its input and reads it again in the backward", "[layers]") {
  const LayerWork work = work_of(layer_node(LayerKind::gelu, kGeluImage));
  CHECK((work.kept.input && !work.kept.output));
  REQUIRE(work.elementwise.size() == 2);
  CHECK(work.elementwise[0].elements_read == 90);
  CHECK(work.elementwise[1].elements_read == 2 * 90);
  CHECK(work.elementwise[1].elements_written == 90);
}

}  // namespace
}  // namespace stagecoach
