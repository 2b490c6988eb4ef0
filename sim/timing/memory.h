// SPDX-License-Identifier: Apache-2.0
// What buffers, ports and channels cost. Pure arithmetic.
#pragma once

#include <vector>

#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// Bytes that one operation moves through a buffer.
struct PortTraffic {
  double read_bytes = 0;
  double write_bytes = 0;
};

/// Cycles that a buffer's ports need for the traffic of one operation, accesses spread evenly over
/// the banks. With r, w, s bytes a cycle over read, write and shared ports:
///   max(read / (r+s), write / (w+s), (read + write) / (r+w+s)), rounded up
/// - the least time in which a shared port, taking whichever is needed, serves both. Unlimited
/// width takes no cycles. `cores`: equal buffers side by side. A direction without any port throws
/// ModelBug (the reader refuses such a file).
Cycles port_cycles(const BufferSpec& buffer, const PortTraffic& traffic, std::int64_t cores = 1);

/// Whole bytes of a buffer; kUnlimited<std::int64_t> if it has no limit.
Bytes capacity_bytes(const BufferSpec& buffer);

/// One tile of a double-buffered loop.
struct TileTimes {
  Cycles load = 0;
  Cycles compute = 0;
  Cycles store = 0;
};

/// load(1) + sum over tiles of max(compute(i), load(i+1), store(i-1)) + store(last): tiles of at
/// most half the buffer, loads and stores hidden behind compute.
Cycles double_buffered_cycles(const std::vector<TileTimes>& tiles);

/// Bytes a cycle that a user of the channel to DRAM gets: the sustained bandwidth, in which bursts
/// wait for rows, and of that, with equal shares, one of `sharers`; unlimited where nothing costs.
double dram_bytes_per_cycle(const DramSpec& dram, double clock_mhz, std::int64_t sharers = 1);

/// A transfer to or from DRAM that finds the channel free: latency once, then that rate. No bytes,
/// no cycles.
Cycles dram_cycles(const DramSpec& dram, double bytes, double clock_mhz, std::int64_t sharers = 1);

/// Bytes a cycle of a rate in GB/s (10^9 bytes).
double bytes_per_cycle(double gb_per_s, double clock_mhz);

}  // namespace stagecoach
