// SPDX-License-Identifier: Apache-2.0
// Question: does the price of a layer follow from its counts alone?
#include "sim/timing/layer_price.h"

#include <catch2/catch.hpp>

#include "tests/support/example_layer.h"
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

/// One lane, a cycle for an operation, and no other limit.
struct OneLane {
  CoreSpec core;
  PricingContext context;

  OneLane() {
    core.kind = CoreKind::systolic;
    core.vector_unit.lanes = 1;
    context.core = &core;
  }
  LayerPassCost price(const LayerNode& node, LayerPass pass) const {
    return cost_of(price_pass(node, pass, context, 1));
  }
};

TEST_CASE("both operands of a product of two activations come from the activation memory") {
  MatrixProduct scores{2, {5}, {4}, {7}, {}, {}, {}};
  scores.left.elements = 40, scores.right.elements = 56, scores.result.elements = 70;
  OneLane one;
  one.core.kind = CoreKind::roofline;
  one.context.elements.weights_bytes = 16;
  one.context.elements.activations_bytes = 2;
  const EventCounts e = price_product(scores, false, one.context, 3).events;
  CHECK(e.macs == 3 * 2 * 5 * 4 * 7);
  CHECK(e.activation_read_bytes == 3 * (40 + 56) * 2);
  CHECK(e.activation_write_bytes == 3 * 70 * 2);
  CHECK((e.weight_read_bytes == 0 && e.weight_write_bytes == 0));
}

TEST_CASE("every kind's elementwise work takes its operations on one lane, and moves its values") {
  OneLane one;
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const LayerNode node = example_layer(kind);
    for (const ElementwiseWork& w : work_of(node).elementwise) {
      const std::vector<PassPrice> prices = price_pass(node, w.pass, one.context, 2);
      REQUIRE(prices.size() == 1);
      const bool forward = w.pass == LayerPass::forward;
      const double operations = 2 * w.elements * (forward ? w.cost->forward : w.cost->backward);
      CHECK(static_cast<double>(prices[0].cycles) == operations);
      CHECK(prices[0].events.vector_operations == operations);
      CHECK(prices[0].events.activation_read_bytes == 2 * 4 * w.elements_read);
      CHECK(prices[0].events.activation_write_bytes == 2 * 4 * w.elements_written);
    }
  }
}

TEST_CASE("costs of elementwise work come from the hardware file, under the key of the kind") {
  OneLane one;
  const LayerNode tanh = layer_node(LayerKind::tanh, Shape::features(100));
  one.core.vector_unit.operations.layers.at("tanh") = {7, 3};
  CHECK(one.price(tanh, LayerPass::forward).cycles == 700);
  CHECK(one.price(tanh, LayerPass::input_gradient).cycles == 0);  // nothing upstream wants it
  LayerNode later = tanh;
  later.inputs = {1};
  CHECK(one.price(later, LayerPass::input_gradient).cycles == 300);
  CHECK(one.price(later, LayerPass::weight_gradient).cycles == 0);
}

}  // namespace
}  // namespace stagecoach
