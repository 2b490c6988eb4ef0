// SPDX-License-Identifier: Apache-2.0
// Question: does a sparse layer cost its connections, on every kind of core?
#include <catch2/catch.hpp>

#include "sim/timing/layer_price.h"
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

constexpr LayerPass kPasses[] = {LayerPass::forward, LayerPass::input_gradient,
                                 LayerPass::weight_gradient};

/// 64 to 16 features, two connections for each input, eight for each output.
LayerNode sparse() {
  LayerSpec spec;
  spec.kind = LayerKind::sparse_linear;
  spec.out_features = 16;
  spec.fan_out = 2;
  LayerNode node = layer_node(spec, Shape::features(64));
  node.inputs = {1};  // not the first layer: its input gradient is wanted
  return node;
}

PassPrice price(const CoreSpec& core, LayerPass pass, int samples = 1,
                const LayerNode& node = sparse()) {
  PricingContext context;
  context.core = &core;
  const std::vector<PassPrice> prices = price_pass(node, pass, context, samples);
  REQUIRE(prices.size() == 1);
  return prices[0];
}

TEST_CASE("a sparse layer multiplies once for each connection and sample, on every kind of core") {
  for (const CoreKind kind : {CoreKind::fixed, CoreKind::resident, CoreKind::systolic,
                              CoreKind::dot_product, CoreKind::roofline}) {
    CoreSpec core;
    core.kind = kind;
    core.roofline.peak_gmacs_per_s = 1;
    for (const LayerPass pass : kPasses) {
      CAPTURE(static_cast<int>(kind), static_cast<int>(pass));
      CHECK(price(core, pass).events.macs == 128);
      CHECK(price(core, pass, 3).events.macs == 3 * 128);
      if (kind != CoreKind::fixed) CHECK(price(core, pass).cycles > 0);
    }
  }
}

TEST_CASE("resident lanes own connections: 128 on 32 lanes are four trips in every pass") {
  CoreSpec core;
  core.kind = CoreKind::resident;
  core.resident.lanes_per_tile = 32;
  for (const LayerPass pass : kPasses) {
    CHECK(price(core, pass).matrix_cycles == 4);
    CHECK(price(core, pass, 3).matrix_cycles == 12);
  }
}

TEST_CASE("units that share an operand find none in a sparse layer: a result at a time") {
  CoreSpec core;
  core.kind = CoreKind::dot_product;
  core.dot_product.atomic_inputs = 4;
  core.dot_product.atomic_outputs = 8;
  CHECK(price(core, LayerPass::forward).matrix_cycles == 16 * 2);         // 8 inputs, 4 at once
  CHECK(price(core, LayerPass::input_gradient).matrix_cycles == 64 * 1);  // 2 of 4
  CHECK(price(core, LayerPass::weight_gradient).matrix_cycles == 16 * 8);
  core.kind = CoreKind::systolic;
  core.systolic.rows = core.systolic.columns = 16;
  // A fold for each output: 16 rows to load, then 1 + 16 + 16 - 2.
  CHECK(price(core, LayerPass::forward).matrix_cycles == 16 * (2 * 16 + 16 + 1 - 2));
}

TEST_CASE("passes with lanes of their own: so many more of them") {
  CoreSpec core;
  core.kind = CoreKind::resident;
  core.resident.lanes_per_tile = 8;
  core.mac.latency_cycles = 3;
  core.concurrent_passes = ConcurrentPasses{1, 2, 4};
  CHECK(price(core, LayerPass::forward).matrix_cycles == 16 - 1 + 3);
  CHECK(price(core, LayerPass::input_gradient).matrix_cycles == 8 - 1 + 3);
  CHECK(price(core, LayerPass::weight_gradient).matrix_cycles == 4 - 1 + 3);
  LayerSpec dense;
  dense.kind = LayerKind::linear;
  dense.out_features = 16;
  const LayerNode node = layer_node(dense, Shape::features(64));
  for (const CoreKind kind : {CoreKind::systolic, CoreKind::dot_product, CoreKind::roofline}) {
    CAPTURE(static_cast<int>(kind));
    core.kind = kind;
    core.roofline.peak_gmacs_per_s = 1;
    core.concurrent_passes = ConcurrentPasses{1, 1, 1};
    const Cycles one = price(core, LayerPass::forward, 1, node).matrix_cycles;
    core.concurrent_passes = ConcurrentPasses{4, 1, 1};
    const Cycles four = price(core, LayerPass::forward, 1, node).matrix_cycles;
    CHECK(four < one);
  }
}

}  // namespace
}  // namespace stagecoach
