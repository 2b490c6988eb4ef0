// SPDX-License-Identifier: Apache-2.0
// Questions: are the reads and writes of registers those that the cells make, and do the counts
// reach the price of a product?
#include "sim/timing/register_traffic.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/timing/layer_price.h"
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

/// The cells of an array, step by step: every register access is made, and counted.
RegisterTraffic by_cells(const GemmShape& s, const SystolicCore& core) {
  RegisterTraffic seen;
  const SystolicMapping map = systolic_mapping(s, core.dataflow);
  double* stays = core.dataflow == Dataflow::weight_stationary  ? &seen.right
                  : core.dataflow == Dataflow::input_stationary ? &seen.left
                                                                : nullptr;
  for (std::int64_t group = 0; group < s.groups; ++group) {
    for (std::int64_t r0 = 0; r0 < map.along_rows; r0 += core.rows) {
      for (std::int64_t c0 = 0; c0 < map.along_columns; c0 += core.columns) {
        const std::int64_t rows = std::min<std::int64_t>(core.rows, map.along_rows - r0);
        const std::int64_t columns = std::min<std::int64_t>(core.columns, map.along_columns - c0);
        for (std::int64_t cell = 0; cell < rows * columns; ++cell) {
          if (stays) *stays += 1;  // loaded
          for (std::int64_t step = 0; step < map.streamed; ++step) {
            for (double* operand : {&seen.left, &seen.right})
              *operand += operand == stays ? 1 : 2;  // read; what passes was written before
            seen.accumulators += 2;
          }
        }
      }
    }
  }
  return seen;
}

TEST_CASE("registers of a systolic array: what every cell reads and writes, in every dataflow") {
  for (const GemmShape& shape : {GemmShape{1, 7, 5, 1}, GemmShape{9, 4, 11, 2}}) {
    for (const Dataflow flow :
         {Dataflow::weight_stationary, Dataflow::output_stationary, Dataflow::input_stationary}) {
      SystolicCore core;
      core.rows = 3, core.columns = 4, core.dataflow = flow;
      const RegisterTraffic cells = by_cells(shape, core),
                            formula = systolic_registers(shape, core);
      CAPTURE(static_cast<int>(flow), shape.m);
      CHECK(formula.left == cells.left);
      CHECK(formula.right == cells.right);
      CHECK(formula.accumulators == cells.accumulators);
    }
  }
}

TEST_CASE("row stationary: four scratchpad accesses a multiplication, and what fills them") {
  SystolicCore core;
  core.rows = 3, core.columns = 4, core.dataflow = Dataflow::output_stationary;
  core.registers = CellRegisters::row_stationary;
  const GemmShape shape{9, 5, 8, 1};  // 3 x 2 folds
  const RegisterTraffic t = systolic_registers(shape, core);
  const double macs = 9 * 5 * 8;
  CHECK(t.left == macs + 9 * 5 * 2);
  CHECK(t.right == macs + 5 * 8 * 3);
  CHECK(t.accumulators == 2 * macs);
}

MatrixProduct dense_product(LayerPass pass) {
  LayerSpec spec;
  spec.kind = LayerKind::linear;
  spec.out_features = 6;
  LayerNode node = layer_node(spec, Shape::features(8));
  for (const MatrixProduct& p : work_of(node).products)
    if (p.pass() == pass) return for_samples(p, 2);
  throw ModelBug("no such product");
}

TEST_CASE(
    "resident lanes: weights of a lane lie in its register if it owns one, else in its buffer") {
  ResidentCore core;
  core.lanes_per_tile = 48;  // one weight each
  const double macs = 8 * 6 * 2;
  RegisterTraffic t = resident_registers(dense_product(LayerPass::forward), core, 1);
  CHECK(t.left == 2 * macs);
  CHECK(t.right == macs + 48);
  CHECK(t.accumulators == 2 * macs);
  t = resident_registers(dense_product(LayerPass::weight_gradient), core, 1);
  CHECK(t.left == 2 * macs);
  CHECK(t.right == 2 * macs);
  CHECK(t.accumulators == 2 * macs);

  core.lanes_per_tile = 12;  // four weights each
  t = resident_registers(dense_product(LayerPass::forward), core, 1);
  CHECK(t.left == macs + macs / 4);
  CHECK(t.right == 0);
  CHECK(t.accumulators == 2 * macs);
  CHECK(resident_registers(dense_product(LayerPass::weight_gradient), core, 1).accumulators == 0);
}

TEST_CASE("dot products: an accumulator is used once for the products that are summed in wires") {
  DotProductCore core;
  core.atomic_inputs = 4, core.atomic_outputs = 3;
  // 2 samples; 8 inputs are two dot products, 6 outputs two blocks.
  const RegisterTraffic t = dot_product_registers({dense_product(LayerPass::forward), false}, core);
  CHECK(t.left == 2 * (2 * 8 * 2));
  CHECK(t.right == 2 * 8 * 6 + 8 * 6);
  CHECK(t.accumulators == 2 * (2 * 6) * 2);
}

TEST_CASE("register traffic enters the events of a product as bytes, and costs no cycle") {
  CoreSpec core;
  core.kind = CoreKind::systolic;
  PricingContext context;
  context.core = &core;
  context.elements = {2, 1, 8, 8};
  context.elements.accumulator_bytes = 3;
  const MatrixProduct product = dense_product(LayerPass::forward);
  const PassPrice price = price_product(product, false, context, 1);
  const RegisterTraffic t = systolic_registers(gemm_shape(product), core.systolic);
  CHECK(price.events.register_bytes == t.left * 1 + t.right * 2);
  CHECK(price.events.accumulator_bytes == t.accumulators * 3);
  context.elements.accumulator_bytes = 8;
  core.systolic.registers = CellRegisters::row_stationary;
  const PassPrice other = price_product(product, false, context, 1);
  CHECK(other.events.register_bytes != price.events.register_bytes);
  CHECK(other.cycles == price.cycles);

  for (const CoreKind kind : {CoreKind::fixed, CoreKind::roofline}) {
    core.kind = kind;
    CHECK_FALSE(core.states_registers());
    CHECK(register_traffic({product, false}, core, 1).accumulators == 0);
  }
}

}  // namespace
}  // namespace stagecoach
