// SPDX-License-Identifier: Apache-2.0
// Compute cycles of a systolic array. Pure arithmetic.
#pragma once

#include "sim/timing/gemm.h"

namespace stagecoach {

/// How a product lies on the array: rows and columns it needs, and the length streamed past them.
struct SystolicMapping {
  std::int64_t along_rows = 0;     ///< S_r: K, M or K
  std::int64_t along_columns = 0;  ///< S_c: N, N or M
  std::int64_t streamed = 0;       ///< T:   M, K or N
};

/// weight stationary: K x N, M streamed; output stationary: M x N, K streamed; input stationary:
/// K x M, N streamed.
SystolicMapping systolic_mapping(const GemmShape& shape, Dataflow dataflow);

/// Cycles (a count, not the index of the last one) for one product, all its groups one after the
/// other, on one array of `core.rows` x `core.columns` = R x C. With F = ceil(S_r/R) ceil(S_c/C):
///   fold_overlap false   WS, IS  F (2R + C + T - 2)      OS  F (R + C + T - 2)
///   fold_overlap true    WS, IS  R + (F-1) max(T, R) + T + R + C - 2
///                        OS          (F-1) max(T, R) + T + R + C - 2
/// where overlapping folds of all groups are one stream: F is theirs together, paid for once.
/// This is what SCALE-Sim's code computes (versions 2 and 3; the overlapped form is our own
/// derivation), for a MAC of one cycle. A MAC pipeline of latency L and initiation interval I
/// stretches the streamed steps: each fold's n cycles become I (n - 1) + L.
Cycles systolic_cycles(const GemmShape& shape, const SystolicCore& core, const MacSpec& mac);

/// The same on `arrays` equal arrays: S_r and S_c are cut into P_r x P_c parts, P_r P_c <= arrays,
/// whichever cut is fastest. Never slower with more arrays.
Cycles systolic_cycles(const GemmShape& shape, const SystolicCore& core, const MacSpec& mac,
                       std::int64_t arrays);

/// Elements that cross the array's edge for one product, all groups: the stationary operand once,
/// the streamed one once per fold along its other dimension, partial sums once per fold along K.
struct OperandTraffic {
  double left = 0;          ///< reads of the m x k operand
  double right = 0;         ///< reads of the k x n operand
  double result_write = 0;  ///< writes of the m x n result, partial sums included
  double result_read = 0;   ///< partial sums read back
};
OperandTraffic systolic_traffic(const GemmShape& shape, const SystolicCore& core);

}  // namespace stagecoach
