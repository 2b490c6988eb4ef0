// SPDX-License-Identifier: Apache-2.0
// Question: what moves between the cores that serve a stage together, and how long does it take?
#include "sim/timing/region.h"

#include <catch2/catch.hpp>

#include "sim/timing/layer_price.h"
#include "tests/support/matrix_layers.h"
#include "tests/support/networks.h"
#include "tests/support/products.h"

namespace stagecoach {
namespace {

/// A dense layer 8 -> 6 at 4 bytes a value: X = 32 bytes, Y = 24.
MatrixJob dense(LayerPass pass, int samples = 1) {
  return {product_of(linear_node(8, 6, false), pass, samples), false};
}

RegionTraffic on(const MatrixJob& job, std::int64_t cores, RegionShape shape) {
  return region_traffic(job, ElementSpec{}, cores, shape);
}

TEST_CASE("a region is near-square, or within the rectangle that the mapping asks for") {
  const auto is = [](RegionShape s, std::int64_t rows, std::int64_t columns) {
    return s.rows == rows && s.columns == columns;
  };
  CHECK(is(region_shape(1), 1, 1));
  CHECK(is(region_shape(2), 1, 2));
  CHECK(is(region_shape(6), 2, 3));
  CHECK(is(region_shape(9), 3, 3));
  CHECK(is(region_shape(10), 3, 4));
  CHECK(is(region_shape(6, {1, 6}), 1, 6));
  CHECK(is(region_shape(6, {6, 1}), 6, 1));
  CHECK(is(region_shape(4, {2, 8}), 2, 2));
  RegionShape before;
  for (std::int64_t n = 1; n < 2000; ++n) {
    const RegionShape shape = region_shape(n);
    CHECK(shape.rows * shape.columns >= n);
    CHECK((shape.rows - 1) * shape.columns < n);
    CHECK((shape.rows >= before.rows && shape.columns >= before.columns));
    before = shape;
  }
}

TEST_CASE("inputs go along rows, partial sums along columns, as counted by hand") {
  // Two rows of three: half of the input (16 bytes) crosses two links a row, a third of the output
  // (8 bytes) one link a column.
  const RegionTraffic f = on(dense(LayerPass::forward), 6, {2, 3});
  CHECK(f.bytes == 16 * 4 + 8 * 3);
  CHECK(f.busiest_bytes == 16);
  const RegionTraffic x = on(dense(LayerPass::input_gradient), 6, {2, 3});
  CHECK((x.bytes == f.bytes && x.busiest_bytes == f.busiest_bytes));
  const RegionTraffic w = on(dense(LayerPass::weight_gradient), 6, {2, 3});
  CHECK((w.bytes == 16 * 4 && w.busiest_bytes == 16));
  MatrixJob first = dense(LayerPass::weight_gradient);
  first.reads_network_input = true;  // nobody has brought the gradients yet
  CHECK(on(first, 6, {2, 3}).bytes == f.bytes);
  // One row: no column has a link, the whole input passes every core.
  CHECK(on(dense(LayerPass::forward), 6, {1, 6}).bytes == 32 * 5);
  CHECK(on(dense(LayerPass::forward), 6, {6, 1}).bytes == 24 * 5);
  CHECK(on(dense(LayerPass::forward, 3), 6, {1, 6}).busiest_bytes == 3 * 32);
  CHECK(on(dense(LayerPass::forward), 1, {1, 1}).bytes == 0);
  // More rows than input channels: two rows share a channel.
  CHECK(on(dense(LayerPass::forward), 160, {16, 10}).busiest_bytes == 4);
}

TEST_CASE("the busiest link of a square region carries less, the larger the region") {
  const MatrixJob conv{product_of(lenet5().layers[3], LayerPass::forward), false};
  double before = on(conv, 4, region_shape(4)).busiest_bytes;
  for (std::int64_t n = 5; n < 500; ++n) {
    const double now = on(conv, n, region_shape(n)).busiest_bytes;
    CHECK(now <= before);
    before = now;
  }
  CHECK(before == 14 * 14 * 4);  // a whole channel: pixels are not cut
}

struct Priced {
  CoreSpec core;
  PricingContext context;

  explicit Priced(double width, std::int64_t cores) {
    core.kind = CoreKind::resident;
    core.resident.lanes_per_tile = 16;
    context.core = &core;
    context.cores = cores;
    context.region.present = true;
    context.region.bytes_per_cycle = width;
  }
  OpCost forward() const {
    return combine(price_pass(lenet5().layers[3], LayerPass::forward, context, 1), core);
  }
  OpCost backward() const {
    std::vector<PassPrice> passes =
        price_pass(lenet5().layers[3], LayerPass::input_gradient, context, 1);
    for (const PassPrice& p :
         price_pass(lenet5().layers[3], LayerPass::weight_gradient, context, 1)) {
      passes.push_back(p);
    }
    return combine(passes, core);
  }
};

TEST_CASE("an operation takes the longer of computing and its region's links") {
  // conv2 of LeNet-5 on 2 x 2 cores: 2400 weights on 64 lanes, 38 each, 100 pixels. Per row half of
  // the 6 x 196 inputs, per column half of the 16 x 100 outputs: 2352 and 3200 bytes.
  const OpCost unlimited = Priced(kUnlimited<double>, 4).forward();
  CHECK(unlimited.cycles == 3800);
  CHECK(unlimited.region_busy_cycles == 0);
  CHECK(unlimited.region_bytes == 2 * 2352 + 2 * 3200);
  const OpCost wide = Priced(1, 4).forward();
  CHECK(wide.cycles == 3800);
  CHECK(wide.region_busy_cycles == 3200);
  CHECK(wide.interconnect_cycles == 0);
  const OpCost narrow = Priced(0.5, 4).forward();
  CHECK(narrow.cycles == 6400);
  CHECK(narrow.compute_cycles == 3800);
  CHECK(narrow.interconnect_cycles == 2600);
  // Backward: both products; for the weight gradient x comes again, and is the limit by itself.
  const OpCost backward = Priced(0.5, 4).backward();
  CHECK(backward.cycles == 6400 + 4704);
  CHECK(backward.region_bytes == 2 * 2352 + 2 * 3200 + 2 * 2352);
}

TEST_CASE("where its links are too slow a product stays on fewer cores, so more never cost") {
  CHECK(Priced(0.001, 4).forward().cycles == Priced(0.001, 1).forward().cycles);
  CHECK(Priced(0.001, 4).forward().region_bytes == 0);
  for (const double width : {0.001, 0.1, 0.3, 0.5, 1.0, 4.0}) {
    Cycles before = kUnlimited<std::int64_t>;
    for (std::int64_t cores = 1; cores < 200; ++cores) {
      const Cycles cycles = Priced(width, cores).forward().cycles;
      CAPTURE(width, cores);
      CHECK(cycles <= before);
      before = cycles;
    }
  }
}

TEST_CASE("an ideal interconnect has no links inside a region") {
  Priced p(kUnlimited<double>, 4);
  p.context.region.present = false;
  CHECK(p.forward().region_bytes == 0);
}

}  // namespace
}  // namespace stagecoach
