// SPDX-License-Identifier: Apache-2.0
// A layer that streams from DRAM through the buffers of a core in pieces: the cut, the bytes that
// the pieces move, and their cycles. Used by inference only. Pure arithmetic.
#pragma once

#include <cstdint>

#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// One product of one micro-batch, with the elementwise layers that ride along: those up to the
/// next product. A block is what the matrix unit takes at once: of the outputs, and of the channels
/// that a result is summed over.
struct StreamedLayer {
  std::int64_t output_blocks = 1;
  std::int64_t sum_blocks = 1;
  std::int64_t rows = 1, columns = 1;              ///< of the result, all samples
  std::int64_t input_rows = 1, input_columns = 1;  ///< all samples
  std::int64_t window_rows = 1, window_columns = 1;
  std::int64_t stride_rows = 1, stride_columns = 1;
  std::int64_t groups = 1;
  double weights_bytes = 0;
  double input_bytes = 0;
  double results = 0;        ///< elements
  double result_bytes = 0;   ///< of what goes back to DRAM, behind what rides along
  double operand_bytes = 0;  ///< of other values that ride along (adds)
  Cycles matrix_cycles = 0;  ///< without drains
  Cycles vector_cycles = 0;  ///< without the operations on every result
  Cycles port_cycles = 0;
};

/// The hardware for it: the buffers of all cores of the region, and their channel to DRAM.
struct StreamingCore {
  PiecesSpec pieces;
  bool unified = true;                          ///< one buffer for weights and inputs
  double weight_capacity = 0;                   ///< bytes; of the one buffer, if unified
  double input_capacity = 0;                    ///< bytes
  double bytes_per_cycle = kUnlimited<double>;  ///< this unit's share of the channel
  double vector_lanes = kUnlimited<double>;
  bool overlaps = false;  ///< vector unit beside matrix unit
  Cycles drain_cycles = 0;
};

/// The cut: parts of each loop.
struct Cut {
  std::int64_t outputs = 1, rows = 1, columns = 1, sums = 1;

  std::int64_t pieces() const { return outputs * rows * columns * sums; }
};

/// A layer in pieces. `compute_cycles` and `cycles` of all of them.
struct PiecedLayer {
  Cut cut;
  bool fits = true;        ///< the piece fits the buffers; if not, nothing is loaded ahead
  double load_bytes = 0;   ///< weights, and the input as often as it comes
  double store_bytes = 0;  ///< results, and the operands that ride along
  double load_runs = 0;    ///< contiguous runs of these bytes
  double store_runs = 0;
  double ahead = 0;  ///< share of the loads that are made while the piece before computes
  Cycles compute_cycles = 0;
  Cycles cycles = 0;
};

/// The ends of a network that streams: nothing overlaps with the load of the first piece and with
/// the store of the last results.
struct StreamEnds {
  bool first = false;
  bool last = false;
};

/// Pieces of G groups of outputs, H parts of the rows, V of the columns and S of the sum. With W
/// the bytes of the weights, I of the input and I' with the rows and columns that neighbours share:
///   loads    W (S = 1, and a group's weights stay while its rows pass; else W H V) + I' G
///   in use   N: a piece's weights and its inputs, at most the buffer C (each its own, if apart)
///   ahead    min(1, (C - N) / load of a piece): what of the next piece has room beside this one;
///            the least of both buffers, if apart; a piece that needs more than C loads nothing
///            ahead
///   results  at most the accumulators; min(1, (accumulators - piece's) / piece's) of the stores
///            run beside the next piece; without a number of accumulators all of them do
///   compute  max(matrix, vector) where the units overlap, else their sum; drains with it
///   cycles   max(compute, ports, loads ahead + stores beside) + the other loads and stores
/// A channel of its own each way: the longer of loads and stores in place of their sum.
/// Columns and sums are cut only with accumulators, or where nothing fits otherwise.
PiecedLayer pieced(const StreamedLayer& layer, const StreamingCore& core, StreamEnds ends = {});

/// Cycles of a transfer: bytes over the channel, and the gap before each contiguous run.
double streaming_cycles(const StreamingCore& core, double bytes, double runs);

}  // namespace stagecoach
