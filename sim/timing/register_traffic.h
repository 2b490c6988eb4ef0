// SPDX-License-Identifier: Apache-2.0
// Reads and writes of the registers inside a matrix unit, by dataflow. Pure arithmetic; for energy
// alone: registers never cost cycles.
#pragma once

#include "sim/timing/matrix_unit.h"

namespace stagecoach {

/// Accesses of one product: reads and writes together, in elements.
struct RegisterTraffic {
  double left = 0;          ///< registers with values of the m x k operand
  double right = 0;         ///< registers with values of the k x n operand
  double accumulators = 0;  ///< partial sums: each addition reads one and writes one
};

/// Registers of a systolic array for the S multiplications of `shape`. A value that comes from the
/// buffer is written into a register once (systolic_traffic); cells that stand still are not
/// counted.
///                     left              right             partial sums
///   weight stationary  2 S               S + k n           2 S
///   output stationary  2 S               2 S               2 S
///   input stationary   S + m k           2 S               2 S
///   row stationary     S + its reads     S + its reads     2 S
/// A value that stays is read at each multiplication. A value that is passed on is written into the
/// next cell's register and read there. Weight, output and input stationary: the cells of SCALE-Sim
/// (Samajdar et al., ISPASS 2020). Row stationary: Chen, Emer and Sze, ISCA 2016: each
/// multiplication reads filter and input from scratchpads of its cell, and reads and writes the
/// partial sum; what fills the scratchpads is counted as if the array of `core` had asked for it.
RegisterTraffic systolic_registers(const GemmShape& shape, const SystolicCore& core);

/// Registers of a resident core, with s the elements that the busiest lane owns (resident_share), S
/// multiplications, and W elements in the lanes:
///   forward, input gradient  left S + S/s   right S + W if s = 1, else 0   partial sums 2 S
///   weight gradient          left S + S/s   right S + S/s        partial sums 2 S if s = 1, else 0
/// An operand that arrives stays in a register of the lane while all s elements meet it. Where a
/// lane owns several elements they lie in its buffer, and traffic at the buffer counts them.
RegisterTraffic resident_registers(const MatrixProduct& product, const ResidentCore& core,
                                   std::int64_t cores);

/// Registers of a dot-product core for S multiplications, ai of which are summed in wires before an
/// accumulator is read and written. Every value from the buffer is written once; inputs are read
/// once for the `atomic_outputs` products that share them, weights at each multiplication:
///   left 2 (reads of the buffer)   right S + reads of the buffer   partial sums 2 x trips x
///   results
RegisterTraffic dot_product_registers(const MatrixJob& job, const DotProductCore& core);

/// The one switch over CoreKind: nothing for `fixed` and `roofline` (CoreSpec::states_registers).
RegisterTraffic register_traffic(const MatrixJob& job, const CoreSpec& core, std::int64_t cores);

}  // namespace stagecoach
