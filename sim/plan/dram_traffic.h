// SPDX-License-Identifier: Apache-2.0
// What a stage moves between its buffers and DRAM because it does not fit.
#pragma once

#include "sim/plan/machine_plan.h"
#include "sim/plan/memory_needs.h"

namespace stagecoach {

/// Bytes of every operation, given the shares of the two sides that lie in DRAM. Each operation
/// moves what it moves through its buffers' ports, every value once:
///   forward          reads weights, writes what it keeps
///   input gradient   reads weights and what it needs of what was kept
///   weight gradient  reads the rest of that, writes the weight gradients (reads them, too, where
///                    those of several micro-batches add up)
///   update           reads and writes weights and optimizer state, reads the weight gradients,
///                    writes predicted weights
/// A stage that recomputes reads the weights and what it kept once more before its gradients, and
/// writes what the backward needs of that.
/// Where one operation makes both gradients it reads what was kept once. Where they are apart the
/// gradients of the outputs of layers with weights wait for the second: written, and read.
DramTraffic dram_traffic(const MemoryNeeds& needs, const Fit& fit);

/// Makes the operations of a micro-batch of `samples` as long as their transfers take, which run
/// beside them over one of `sharers` equal shares of the channel.
void charge_dram(const HardwareSpec& hardware, const DramTraffic& traffic, std::int64_t samples,
                 std::int64_t sharers, StageCost& cost);

}  // namespace stagecoach
