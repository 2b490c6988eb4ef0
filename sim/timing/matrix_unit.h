// SPDX-License-Identifier: Apache-2.0
// Compute cycles and operand traffic of the matrix products on each kind of core. Pure arithmetic.
#pragma once

#include "sim/timing/gemm.h"
#include "sim/timing/systolic.h"

namespace stagecoach {

/// One product of one layer for a micro-batch (its samples are in it: for_samples).
struct MatrixJob {
  MatrixProduct product;
  bool reads_network_input = false;
};

/// Multiply-accumulate units of one core, of all passes together; 0 for kinds that state none
/// (fixed, roofline).
double mac_units(const CoreSpec& core);

/// Matrix units of a core that work on a pass: one, unless passes are concurrent.
int units_of_pass(const CoreSpec& core, LayerPass pass);

/// The lanes of a resident core that work on a pass.
ResidentCore lanes_of_pass(const CoreSpec& core, LayerPass pass);

/// Most multiply-accumulates a cycle of one core; 0 for kinds that state none, and without limit.
double peak_macs_per_cycle(const CoreSpec& core, double clock_mhz);

/// Resident weights: with L lanes in all and W weights a lane owns s = ceil(W / L) of them and
/// meets every pixel with each: trips = s x pixels x samples, the same for all three products;
///   initiation_interval (trips - 1) + latency + tile_hop_cycles (rows - 1 + columns - 1)
/// over the near-square region of tiles in use (within the rectangle of a lone core; cores of a
/// stage are assumed to stand so that their tiles form such a region). A layer uses fewer tiles
/// where that is faster, so more tiles never cost cycles. Batch one on a dense layer: ceil(I O / L)
/// and the fill. Of a product of two activations the right one lies in the lanes.
Cycles resident_cycles(const MatrixProduct& product, const ResidentCore& core, const MacSpec& mac,
                       std::int64_t cores);

/// W above: elements of the operand that lies in the lanes.
std::int64_t resident_elements(const MatrixProduct& product);
/// Operands that each of them meets: pixels x samples.
std::int64_t resident_meetings(const MatrixProduct& product);

/// s above: elements that the busiest lane owns on `cores` cores.
std::int64_t resident_share(std::int64_t resident_elements, const ResidentCore& core,
                            std::int64_t cores);

/// Dot product of `atomic_inputs` channels for `atomic_outputs` results a cycle. Trips per group:
///   forward          Ho Wo x Kh Kw ceil(Cin / ai) x ceil(Cout / ao)
///   input gradient   Ho Wo x ceil(Cout / ai) x Kh Kw ceil(Cin / ao), or Hi Wi with zeros inserted
///   weight gradient  Cin Kh Kw x ceil(Ho Wo / ai) x ceil(Cout / ao)
/// Cores split the first and the last factor, whichever way is fastest.
Cycles dot_product_cycles(const MatrixJob& job, const DotProductCore& core, const MacSpec& mac,
                          std::int64_t cores);

/// Dot products that add up to one result: the trips of one accumulator.
std::int64_t sums_per_result(const MatrixJob& job, const DotProductCore& core);

/// launch overhead + MACs / (peak x efficiency).
Cycles roofline_cycles(const MatrixProduct& product, const RooflineCore& core, double clock_mhz,
                       std::int64_t cores);

/// The one switch over CoreKind. 0 for `fixed`, which prices stages and not layers.
Cycles matrix_cycles(const MatrixJob& job, const CoreSpec& core, double clock_mhz,
                     std::int64_t cores);

/// Elements that the product moves between buffers and the matrix unit. Resident: activations
/// once; weights (weight gradient: accumulators, read and written) once per pixel, or once in all
/// where a lane owns one weight and keeps it in a register. Systolic: per fold (systolic.h). Dot
/// product: the left operand once per block of outputs, weights and results once. Roofline:
/// everything once.
OperandTraffic matrix_traffic(const MatrixProduct& product, const CoreSpec& core,
                              std::int64_t cores);
OperandTraffic dot_product_traffic(const MatrixProduct& product, const DotProductCore& core);

}  // namespace stagecoach
