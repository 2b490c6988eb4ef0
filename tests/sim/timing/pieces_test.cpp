// SPDX-License-Identifier: Apache-2.0
// Layers in pieces, worked by hand: which cut, what moves, how long.
#include "sim/timing/pieces.h"

#include <catch2/catch.hpp>

namespace stagecoach {
namespace {

/// 3x3, 64 to 128 channels on 32 x 32, on a unit of 8 x 8: 72 KiB of weights, 64 KiB of input.
StreamedLayer convolution() {
  StreamedLayer l;
  l.output_blocks = 16, l.sum_blocks = 8;
  l.rows = l.columns = l.input_rows = l.input_columns = 32;
  l.window_rows = l.window_columns = 3;
  l.weights_bytes = 73728, l.input_bytes = 65536;
  l.results = l.result_bytes = 131072;
  l.matrix_cycles = Cycles(32 * 32 * 9 * 8 * 16);
  return l;
}

/// One buffer, a byte of DRAM a cycle.
StreamingCore unified(double kib) {
  StreamingCore c;
  c.weight_capacity = kib * 1024;
  c.bytes_per_cycle = 1;
  c.overlaps = true;
  return c;
}

TEST_CASE("a layer that leaves as much room as it takes is loaded beside the one before") {
  const PiecedLayer p = pieced(convolution(), unified(272));
  CHECK(p.cut.pieces() == 1);
  CHECK(p.load_bytes == 73728 + 65536);
  CHECK(p.ahead == 1);
  CHECK(p.cycles == 1179648);
}

TEST_CASE("what has no room beside the layer at work waits, byte by byte") {
  const auto cycles = [](double kib) { return pieced(convolution(), unified(kib)).cycles; };
  CHECK(cycles(136) == 1179648 + 139264);         // it just fits: all of it waits
  CHECK(cycles(137) == 1179648 + 139264 - 1024);  // a KiB ahead
  CHECK(cycles(271) == 1179648 + 1024);
}

TEST_CASE("kernels that do not fit come in groups, and the input again for each") {
  const PiecedLayer p = pieced(convolution(), unified(100));
  CHECK(p.cut.outputs * p.cut.rows == 2);  // fewest pieces
  CHECK(p.cut.outputs == 2);               // 36 KiB of weights and the input
  CHECK(p.load_bytes == 73728 + 2 * 65536);
  CHECK(p.ahead == 0);  // both need 100 KiB
}

TEST_CASE("rows that do not fit come in strips, which share what lies under both windows") {
  StreamedLayer wide = convolution();
  wide.weights_bytes = 1024, wide.input_bytes = 32 * 8192;  // 8 KiB a row
  const PiecedLayer p = pieced(wide, unified(130));
  CHECK(p.cut.rows == 3);  // 11 rows of results and two more: 105 KiB
  CHECK(p.cut.outputs == 1);
  CHECK(p.load_bytes == Approx(1024 + 32 * 8192 * (3 * 13.0 / 32)));
}

TEST_CASE("the vector unit waits for the matrix unit, or works beside it") {
  StreamedLayer l = convolution();
  l.vector_cycles = Cycles(1000);
  StreamingCore c = unified(272);
  CHECK(pieced(l, c).compute_cycles == 1179648);
  c.overlaps = false;
  CHECK(pieced(l, c).compute_cycles == 1180648);
}

TEST_CASE("at the ends of a network nothing hides the first load and the last store") {
  const PiecedLayer p = pieced(convolution(), unified(272), {true, true});
  CHECK(p.cycles == 1179648 + 139264 + 131072);
}

TEST_CASE("unlimited bandwidth leaves the compute cycles, unlimited compute the transfers") {
  StreamingCore c = unified(100);
  StreamedLayer l = convolution();
  c.bytes_per_cycle = kUnlimited<double>;
  CHECK(pieced(l, c).cycles == 1179648);
  c.bytes_per_cycle = 4;
  l.matrix_cycles = Cycles(0);
  CHECK(pieced(l, c).cycles == (73728 + 2 * 65536 + 131072) / 4);
}

TEST_CASE("a buffer below the smallest piece loads nothing ahead") {
  const PiecedLayer p = pieced(convolution(), unified(0.5));
  CHECK_FALSE(p.fits);
  CHECK(p.ahead == 0);
  CHECK(p.cut.pieces() == 16 * 32 * 32 * 8);
}

/// Buffers apart, 32-bit sums for 1024 results, one run of data at a time.
StreamingCore searched() {
  StreamingCore c;
  c.unified = false;
  c.weight_capacity = 32768, c.input_capacity = 16384;
  c.bytes_per_cycle = 8;
  c.vector_lanes = 8;
  c.drain_cycles = Cycles(10);
  c.pieces.choice = PieceChoice::fastest;
  c.pieces.accumulators = 8192;
  c.pieces.separate_directions = true;
  return c;
}

TEST_CASE("a search cuts columns and sums too, and loads everything ahead where that is faster") {
  const PiecedLayer p = pieced(convolution(), searched());
  CHECK(p.fits);
  CHECK(p.ahead == Approx(1));
  CHECK(p.cycles == 1179648);  // loads and stores have channels of their own, and hide
}

TEST_CASE("the pipeline drains at each iteration of the instruction's loops") {
  StreamingCore c = searched();
  c.weight_capacity = c.input_capacity = 1 << 20;
  c.pieces.choice = PieceChoice::fewest;
  c.pieces.accumulators = 1 << 20;
  c.pieces.instruction_loops = 2;  // sums and columns: 8 x 32 drains
  CHECK(pieced(convolution(), c).compute_cycles == 1179648 + 8 * 32 * 10);
  c.pieces.instruction_loops = 3;  // and the columns of the window
  CHECK(pieced(convolution(), c).compute_cycles == 1179648 + 8 * 32 * 3 * 10);
  c.pieces.result_passes = 2;  // outputs, rows and columns of the results: 16 x 32 x 32
  c.pieces.result_operations = 3;
  CHECK(pieced(convolution(), c).compute_cycles ==
        1179648 + 8 * 32 * 3 * 10 + 131072 * 3 / 8 + 2 * 16 * 32 * 32 * 10);
}

TEST_CASE("weights that do not stay come with every strip, and runs of data have gaps") {
  StreamingCore c = unified(300);
  c.pieces.weights_stay = false;
  StreamedLayer l = convolution();
  l.input_bytes *= 8;  // 16 KiB a row
  const PiecedLayer once = pieced(l, unified(300)), again = pieced(l, c);
  REQUIRE(once.cut.rows > 1);
  CHECK(again.load_bytes - once.load_bytes ==
        Approx(73728.0 * static_cast<double>(once.cut.rows - 1)));
  CHECK(streaming_cycles(c, 100, 3) == 100);
  c.pieces.run_gap_cycles = 5;
  CHECK(streaming_cycles(c, 100, 3) == 115);
}

}  // namespace
}  // namespace stagecoach
