// SPDX-License-Identifier: Apache-2.0
// Question: do the products of training cost what pencil and paper say on each kind of core?
#include "sim/timing/matrix_unit.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/matrix_layers.h"
#include "tests/support/networks.h"
#include "tests/support/products.h"

namespace stagecoach {
namespace {

/// conv2 of LeNet-5: 6 -> 16 channels, 5x5, 14x14 -> 10x10; 2400 weights, 100 pixels.
MatrixProduct conv2(LayerPass pass, int samples = 1) {
  return product_of(lenet5().layers[3], pass, samples);
}
/// fc1: 400 -> 120.
MatrixProduct fc1(LayerPass pass) { return product_of(lenet5().layers[7], pass); }

ResidentCore tiles(int rows, int columns, int lanes, Cycles hop = 0) {
  ResidentCore core;
  core.tile_rows = rows, core.tile_columns = columns, core.lanes_per_tile = lanes;
  core.tile_hop_cycles = hop;
  return core;
}

TEST_CASE("the three products of a convolution have the textbook shapes") {
  const auto shape = [&](LayerPass p, InputGradientForm form = InputGradientForm::gemm) {
    return gemm_shape(in_form(conv2(p, 2), form));
  };
  const GemmShape f = shape(LayerPass::forward);
  CHECK((f.m == 200 && f.k == 150 && f.n == 16));
  const GemmShape w = shape(LayerPass::weight_gradient);
  CHECK((w.m == 150 && w.k == 200 && w.n == 16));
  const GemmShape x = shape(LayerPass::input_gradient);
  CHECK((x.m == 200 && x.k == 16 && x.n == 150));
  CHECK(f.macs() == x.macs());
  CHECK(f.macs() == w.macs());
  const GemmShape t = shape(LayerPass::input_gradient, InputGradientForm::transposed);
  CHECK((t.m == 2 * 14 * 14 && t.k == 16 * 25 && t.n == 6));
}

TEST_CASE("zeros inserted by a stride of two cost a factor of about four") {
  const LayerNode node =
      NetworkSketch(Shape::image(8, 32, 32)).conv("c", 8, 3, 2, 1).build().layers[0];
  const auto macs = [&](InputGradientForm f) {
    return gemm_shape(in_form(product_of(node, LayerPass::input_gradient), f)).macs();
  };
  CHECK(macs(InputGradientForm::transposed) == 4 * macs(InputGradientForm::gemm));
}

TEST_CASE("a resident dense layer at batch one takes a trip per weight of the busiest lane") {
  // 784 -> 128 on 256 lanes: 100352 / 256 = 392 trips.
  const LayerNode dense = linear_node(784, 128, false);
  const MacSpec mac;
  for (LayerPass p : {LayerPass::forward, LayerPass::input_gradient, LayerPass::weight_gradient}) {
    CHECK(resident_cycles(product_of(dense, p), tiles(16, 16, 1), mac, 1) == 392);
  }
  MacSpec slow;
  slow.latency_cycles = 4, slow.initiation_interval = 2;
  const MatrixProduct forward = product_of(dense, LayerPass::forward);
  CHECK(resident_cycles(forward, tiles(16, 16, 1), slow, 1) == 2 * 391 + 4);
  // Two hops' worth of fill for each row and column crossed: 2 (15 + 15).
  CHECK(resident_cycles(forward, tiles(16, 16, 1, 2), mac, 1) == 392 + 60);
}

TEST_CASE("a resident convolution meets every pixel with each weight a lane owns") {
  // 2400 weights on 16 lanes: 150 each; 100 pixels.
  CHECK(resident_cycles(conv2(LayerPass::forward), tiles(4, 4, 1), MacSpec{}, 1) == 15000);
  // 7 cores, 112 lanes: ceil(2400/112) = 22.
  CHECK(resident_cycles(conv2(LayerPass::forward), tiles(4, 4, 1), MacSpec{}, 7) == 2200);
  CHECK(resident_cycles(conv2(LayerPass::forward, 3), tiles(4, 4, 1), MacSpec{}, 7) == 6600);
  // More lanes than weights: one trip a pixel, never less.
  CHECK(resident_cycles(conv2(LayerPass::forward), tiles(4, 4, 1), MacSpec{}, 100000) == 100);
}

TEST_CASE("more tiles never cost a resident core cycles, however slow the hops") {
  for (const MatrixProduct& p : {conv2(LayerPass::forward), fc1(LayerPass::forward)}) {
    Cycles before = kUnlimited<std::int64_t>;
    for (std::int64_t cores = 1; cores < 200; ++cores) {
      const Cycles now = resident_cycles(p, tiles(2, 2, 4, 50), MacSpec{}, cores);
      CHECK(now <= before);
      before = now;
    }
  }
}

TEST_CASE("the tiles that a resident product uses are the fastest of all choices") {
  MacSpec macs[4];
  macs[1].initiation_interval = 0, macs[1].latency_cycles = 0;
  macs[2].initiation_interval = 0, macs[2].latency_cycles = 7;
  macs[3].initiation_interval = 3;
  const auto hops = [](const ResidentCore& core, std::int64_t cores, std::int64_t n) {
    std::int64_t columns = 1;  // near-square, within the rectangle of a lone core
    while (columns * columns < n) ++columns;
    if (cores == 1) {
      columns = std::max(columns, (n + core.tile_rows - 1) / core.tile_rows);
      columns = std::min<std::int64_t>(columns, core.tile_columns);
    }
    return (n + columns - 1) / columns + columns - 2;
  };
  for (const ResidentCore& core : {tiles(8, 8, 1, 5), tiles(2, 31, 1, 9), tiles(31, 2, 2, 40),
                                   tiles(1, 1, 4, 1000), tiles(5, 7, 3, 0)}) {
    for (const MacSpec& mac : macs) {
      for (const std::int64_t cores : {1, 2, 9, 50}) {
        for (const int weights : {1, 17, 300, 1000}) {
          const MatrixProduct p = product_of(linear_node(weights, 1, false), LayerPass::forward, 2);
          const std::int64_t smallest = resident_share(weights, core, cores);
          Cycles best = kUnlimited<Cycles>;
          for (std::int64_t share = smallest; share <= weights; ++share) {
            const std::int64_t used =
                (weights + share * core.lanes_per_tile - 1) / (share * core.lanes_per_tile);
            best = std::min<Cycles>(best, mac.initiation_interval * (2 * share - 1) +
                                              mac.latency_cycles +
                                              core.tile_hop_cycles * hops(core, cores, used));
          }
          CAPTURE(cores, weights, core.tile_rows, core.tile_columns);
          REQUIRE(resident_cycles(p, core, mac, cores) == best);
        }
      }
    }
  }
}

TEST_CASE("no price takes longer to find for more weights, cores or samples") {
  MacSpec free;  // no trip costs anything: any share of the weights is as fast
  free.initiation_interval = 0, free.latency_cycles = 0;
  const MatrixProduct p = product_of(linear_node(1 << 14, 1 << 14, false), LayerPass::forward);
  const std::int64_t cores = 10000000;
  DotProductCore dot;
  dot.atomic_inputs = dot.atomic_outputs = 1;
  SystolicCore array;
  array.rows = array.columns = 1;
  for (int i = 0; i < 1000; ++i) {  // each was seconds where it looped over all of them
    CHECK(resident_cycles(p, tiles(64, 64, 1, 1), free, 1) == 0);
    CHECK(dot_product_cycles({p}, dot, MacSpec{}, cores) > 0);
    CHECK(systolic_cycles({1 << 14, 1 << 20, 1 << 20, 1}, array, MacSpec{}, cores) > 0);
  }
}

TEST_CASE("a dot-product core takes a trip per block of input and of output channels") {
  DotProductCore core;
  core.atomic_inputs = 8, core.atomic_outputs = 8;
  const MacSpec mac;
  // forward: 100 pixels x 25 x ceil(6/8) x ceil(16/8)
  CHECK(dot_product_cycles({conv2(LayerPass::forward)}, core, mac, 1) == 100 * 25 * 2);
  // input gradient: 100 pixels x ceil(16/8) x 25 ceil(6/8)
  CHECK(dot_product_cycles({conv2(LayerPass::input_gradient)}, core, mac, 1) == 100 * 2 * 25);
  // weight gradient: 150 x ceil(100/8) x ceil(16/8)
  CHECK(dot_product_cycles({conv2(LayerPass::weight_gradient)}, core, mac, 1) == 150 * 13 * 2);
  // two cores take one block of outputs each
  CHECK(dot_product_cycles({conv2(LayerPass::forward)}, core, mac, 2) == 100 * 25);
  CHECK(dot_product_cycles({fc1(LayerPass::forward)}, core, mac, 1) == 50 * 15);
}

TEST_CASE("an image layer packs a kernel row into the inputs where the core can") {
  const MatrixJob image{product_of(lenet5().layers[0], LayerPass::forward), true};
  DotProductCore core;
  core.atomic_inputs = 8, core.atomic_outputs = 8;
  CHECK(dot_product_cycles(image, core, MacSpec{}, 1) == 784 * 25);
  core.pack_image_rows = true;
  CHECK(dot_product_cycles(image, core, MacSpec{}, 1) == 784 * 5);
}

TEST_CASE("a roofline core takes its launch and its MACs at the efficiency given") {
  RooflineCore gpu;
  gpu.peak_gmacs_per_s = 1000;  // 1000 MACs a nanosecond
  gpu.efficiency = 0.5;
  gpu.launch_overhead_ns = 7;
  // 240000 MACs at 500 a cycle of 1 ns
  CHECK(roofline_cycles(conv2(LayerPass::forward), gpu, 1000, 1) == 7 + 480);
  CHECK(roofline_cycles(conv2(LayerPass::forward, 10), gpu, 1000, 2) == 7 + 2400);
}

TEST_CASE("a product of two activations has other operands for every sample") {
  // Scores of attention: 2 heads, 5 queries times 7 keys of 4 features.
  MatrixProduct scores{2, {5}, {4}, {7}, {}, {}, {}};
  scores.left.elements = 2 * 5 * 4, scores.right.elements = 2 * 4 * 7;
  scores.result.elements = 2 * 5 * 7;
  CHECK(scores.pass() == LayerPass::forward);
  const MatrixProduct three = for_samples(scores, 3);
  CHECK(three.groups == 6);
  CHECK(three.macs() == 3 * scores.macs());
  CHECK(three.right.elements == 3 * 2 * 4 * 7);
  // 168 keys' values on 16 lanes: 11 each, which meet 5 queries.
  CHECK(resident_cycles(three, tiles(4, 4, 1), MacSpec{}, 1) == 11 * 5);
  DotProductCore core;
  core.atomic_inputs = 8, core.atomic_outputs = 8;
  CHECK(dot_product_cycles({three}, core, MacSpec{}, 1) == 6 * 5);
  CoreSpec roofline;
  roofline.kind = CoreKind::roofline;
  const OperandTraffic traffic = matrix_traffic(three, roofline, 1);
  CHECK((traffic.left == 120 && traffic.right == 168 && traffic.result_write == 210));
}

TEST_CASE("resident weights are read per pixel unless a lane keeps its only one in a register") {
  CoreSpec core;
  core.kind = CoreKind::resident;
  core.resident = tiles(4, 4, 1);
  const OperandTraffic many = matrix_traffic(conv2(LayerPass::forward), core, 1);
  CHECK(many.right == 2400 * 100);
  CHECK(many.left == 6 * 14 * 14);
  CHECK(many.result_write == 1600);
  CHECK(matrix_traffic(conv2(LayerPass::forward), core, 150).right == 2400);
  const OperandTraffic dw = matrix_traffic(conv2(LayerPass::weight_gradient), core, 1);
  CHECK(dw.result_write == 2400 * 100);
  CHECK(dw.result_read == 2400 * 99);
}

}  // namespace
}  // namespace stagecoach
