// SPDX-License-Identifier: Apache-2.0
// Question: are the cycles of a systolic array those of the published model's code, exactly?
#include "sim/timing/systolic.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/networks.h"

namespace stagecoach {
namespace {

SystolicCore array(int rows, int columns, Dataflow dataflow, bool overlap = false) {
  SystolicCore core;
  core.rows = rows;
  core.columns = columns;
  core.dataflow = dataflow;
  core.fold_overlap = overlap;
  return core;
}

GemmShape gemm(std::int64_t m, std::int64_t k, std::int64_t n) { return {m, k, n, 1}; }

/// The published form written a second time, fold by fold: the array's skew, drain and preload
/// counted step by step instead of by formula.
Cycles walk_folds(std::int64_t m, std::int64_t k, std::int64_t n, int rows, int columns,
                  Dataflow dataflow) {
  std::int64_t along_rows = dataflow == Dataflow::output_stationary ? m : k;
  std::int64_t along_columns = dataflow == Dataflow::input_stationary ? m : n;
  std::int64_t streamed = dataflow == Dataflow::weight_stationary   ? m
                          : dataflow == Dataflow::output_stationary ? k
                                                                    : n;
  Cycles cycles = 0;
  for (std::int64_t r = 0; r < along_rows; r += rows) {
    for (std::int64_t c = 0; c < along_columns; c += columns) {
      if (dataflow != Dataflow::output_stationary) cycles += rows;  // stationary operand enters
      cycles += streamed;                                           // first cell
      cycles += rows - 1;                                           // down the column
      cycles += columns - 1;                                        // across the row
    }
  }
  return cycles;
}

const Dataflow kSystolicDataflows[] = {Dataflow::weight_stationary, Dataflow::output_stationary,
                                       Dataflow::input_stationary};

TEST_CASE("a dense layer at batch one takes the hand-worked cycles in all three dataflows") {
  const MacSpec mac;
  const GemmShape big = gemm(1, 784, 128), small = gemm(1, 128, 10);
  CHECK(systolic_cycles(big, array(16, 16, Dataflow::output_stationary), mac) == 6512);
  CHECK(systolic_cycles(big, array(16, 16, Dataflow::weight_stationary), mac) == 18424);
  CHECK(systolic_cycles(big, array(16, 16, Dataflow::input_stationary), mac) == 8526);
  CHECK(systolic_cycles(small, array(16, 16, Dataflow::output_stationary), mac) == 158);
  CHECK(systolic_cycles(small, array(16, 16, Dataflow::weight_stationary), mac) == 376);
  CHECK(systolic_cycles(small, array(16, 16, Dataflow::input_stationary), mac) == 448);
}

TEST_CASE("every convolution and dense layer of three networks matches folds walked one by one") {
  int compared = 0;
  for (const Network& net : {lenet5(), vgg11_cifar(), resnet20_cifar()}) {
    for (const LayerNode& node : net.layers) {
      if (!node.has_weight_matrix()) continue;
      // The layer's product worked out here from its shapes alone.
      const Shape& in = node.input_shapes[0];
      const bool dense = node.spec.kind == LayerKind::linear;
      const std::int64_t m = dense ? 1 : node.output.pixels();
      const std::int64_t k =
          dense ? in.elements()
                : std::int64_t{1} * in.channels * node.spec.kernel * node.spec.kernel;
      const std::int64_t n = dense ? node.output.elements() : node.output.channels;
      const GemmShape shape = gemm_shape(work_of(node).products[0]);
      for (int size : {8, 16, 32, 64, 128}) {
        for (Dataflow dataflow : kSystolicDataflows) {
          CAPTURE(node.spec.name, size);
          REQUIRE(systolic_cycles(shape, array(size, size, dataflow), MacSpec{}) ==
                  walk_folds(m, k, n, size, size, dataflow));
          ++compared;
        }
      }
    }
  }
  CHECK(compared == (5 + 9 + 22) * 5 * 3);  // layers with weights: see tests/support/networks.h
}

TEST_CASE("overlapped folds equal plain folds where there is one, and never take longer") {
  for (Dataflow dataflow : kSystolicDataflows) {
    const GemmShape one_fold = gemm(7, 7, 7);
    CHECK(systolic_cycles(one_fold, array(8, 8, dataflow, true), MacSpec{}) ==
          systolic_cycles(one_fold, array(8, 8, dataflow, false), MacSpec{}));
    for (std::int64_t m : {1, 9, 100}) {
      const GemmShape many = gemm(m, 70, 30);
      CHECK(systolic_cycles(many, array(8, 8, dataflow, true), MacSpec{}) <
            systolic_cycles(many, array(8, 8, dataflow, false), MacSpec{}));
    }
  }
  // WS, M=9 K=16 N=8 on 8x8: two folds; 8 + max(9,8) + 9 + 8 + 8 - 2 = 40.
  CHECK(systolic_cycles(gemm(9, 16, 8), array(8, 8, Dataflow::weight_stationary, true),
                        MacSpec{}) == 40);
  // OS, M=16 K=5 N=8: two folds of 5 steps, drained in 8: 8 + 5 + 8 + 8 - 2 = 27.
  CHECK(systolic_cycles(gemm(16, 5, 8), array(8, 8, Dataflow::output_stationary, true),
                        MacSpec{}) == 27);
}

TEST_CASE("overlapped folds go on from group to group") {
  // A depthwise 3x3 convolution of 32 channels over 28x28 pixels on 16x16: a fold a group.
  GemmShape depthwise = gemm(28 * 28, 9, 1);
  depthwise.groups = 32;
  CHECK(systolic_cycles(depthwise, array(16, 16, Dataflow::weight_stationary, false), MacSpec{}) ==
        32 * (2 * 16 + 16 + 784 - 2));
  CHECK(systolic_cycles(depthwise, array(16, 16, Dataflow::weight_stationary, true), MacSpec{}) ==
        25134);
  for (Dataflow dataflow : kSystolicDataflows) {
    for (std::int64_t groups : {2, 7, 64}) {
      GemmShape grouped = gemm(50, 9, 20), one = gemm(50, 9, 20);
      grouped.groups = groups;
      const SystolicCore core = array(8, 8, dataflow, true);
      const auto cycles = [&](const GemmShape& s) { return systolic_cycles(s, core, MacSpec{}); };
      CAPTURE(groups);
      // Loading and draining once, and every fold beyond the first group's at the stream's rate.
      const SystolicMapping map = systolic_mapping(one, dataflow);
      const std::int64_t folds = (map.along_rows + 7) / 8 * ((map.along_columns + 7) / 8);
      CHECK(cycles(grouped) ==
            cycles(one) + (groups - 1) * folds * std::max<std::int64_t>(map.streamed, 8));
      // Arrays take whole groups: as many arrays as groups are as fast as one group.
      CHECK(systolic_cycles(grouped, core, MacSpec{}, groups) == cycles(one));
      GemmShape two = one;
      two.groups = 2;
      CHECK(systolic_cycles(grouped, core, MacSpec{}, (groups + 1) / 2) == cycles(two));
    }
  }
}

TEST_CASE("the fastest cut among many arrays is the one that trying every cut finds") {
  for (Dataflow dataflow : kSystolicDataflows) {
    for (bool overlap : {false, true}) {
      const SystolicCore core = array(4, 8, dataflow, overlap);
      const GemmShape shape = gemm(70, 300, 90);
      const SystolicMapping whole = systolic_mapping(shape, dataflow);
      for (std::int64_t arrays : {2, 5, 12, 40, 1000}) {
        Cycles best = systolic_cycles(shape, core, MacSpec{});
        for (std::int64_t rows = 1; rows <= arrays; ++rows) {
          const auto part = [](std::int64_t n, std::int64_t parts) {
            return (n + parts - 1) / parts;
          };
          SystolicMapping map = whole;
          map.along_rows = part(whole.along_rows, rows);
          map.along_columns = part(whole.along_columns, arrays / rows);
          GemmShape cut = shape;  // back from rows, columns and stream to the product
          switch (dataflow) {
            case Dataflow::weight_stationary:
              cut = gemm(map.streamed, map.along_rows, map.along_columns);
              break;
            case Dataflow::output_stationary:
              cut = gemm(map.along_rows, map.streamed, map.along_columns);
              break;
            case Dataflow::input_stationary:
              cut = gemm(map.along_columns, map.along_rows, map.streamed);
              break;
          }
          best = std::min(best, systolic_cycles(cut, core, MacSpec{}));
        }
        CAPTURE(arrays, overlap);
        CHECK(systolic_cycles(shape, core, MacSpec{}, arrays) == best);
      }
    }
  }
}

TEST_CASE("latency is paid once per fold and the initiation interval by every step") {
  MacSpec slow;
  slow.latency_cycles = 5;
  slow.initiation_interval = 2;
  // One fold of WS on 4x4 with T = 3: 2*4 + 4 + 3 - 2 = 13 steps; 2 * 12 + 5.
  CHECK(systolic_cycles(gemm(3, 4, 4), array(4, 4, Dataflow::weight_stationary), slow) == 29);
}

TEST_CASE("several arrays split a product by the published scale-out rule and never lose") {
  const SystolicCore core = array(8, 8, Dataflow::weight_stationary);
  const GemmShape shape = gemm(20, 64, 64);  // 8 x 8 folds of 8+8+8+20-2 = 42
  CHECK(systolic_cycles(shape, core, MacSpec{}, 1) == 64 * 42);
  CHECK(systolic_cycles(shape, core, MacSpec{}, 4) == 16 * 42);
  CHECK(systolic_cycles(shape, core, MacSpec{}, 64) == 42);
  CHECK(systolic_cycles(shape, core, MacSpec{}, 1000) == 42);
  Cycles before = systolic_cycles(shape, core, MacSpec{}, 1);
  for (std::int64_t n = 2; n <= 70; ++n) {
    const Cycles now = systolic_cycles(shape, core, MacSpec{}, n);
    CHECK(now <= before);
    before = now;
  }
}

TEST_CASE("groups are products of their own, and arrays take whole groups first") {
  const SystolicCore core = array(8, 8, Dataflow::output_stationary);
  GemmShape shape = gemm(8, 9, 8);
  const Cycles one = systolic_cycles(shape, core, MacSpec{});
  shape.groups = 6;
  CHECK(systolic_cycles(shape, core, MacSpec{}) == 6 * one);
  CHECK(systolic_cycles(shape, core, MacSpec{}, 4) == 2 * one);
  CHECK(systolic_cycles(shape, core, MacSpec{}, 6) == one);
}

TEST_CASE("traffic reads the stationary operand once and the streamed one once per fold") {
  const GemmShape s = gemm(10, 16, 24);  // on 8x8
  const OperandTraffic ws = systolic_traffic(s, array(8, 8, Dataflow::weight_stationary));
  CHECK(ws.right == 16 * 24);
  CHECK(ws.left == 10 * 16 * 3);
  CHECK(ws.result_write == 10 * 24 * 2);
  CHECK(ws.result_read == 10 * 24 * 1);
  const OperandTraffic os = systolic_traffic(s, array(8, 8, Dataflow::output_stationary));
  CHECK(os.left == 10 * 16 * 3);
  CHECK(os.right == 16 * 24 * 2);
  CHECK(os.result_write == 10 * 24);
  CHECK(os.result_read == 0);
  const OperandTraffic is = systolic_traffic(s, array(8, 8, Dataflow::input_stationary));
  CHECK(is.left == 10 * 16);
  CHECK(is.right == 16 * 24 * 2);
  CHECK(is.result_write == 10 * 24 * 2);
}

}  // namespace
}  // namespace stagecoach
