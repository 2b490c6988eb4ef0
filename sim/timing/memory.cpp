// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/memory.h"

#include <algorithm>
#include <cmath>

#include "models/base/error.h"
#include "sim/base/arithmetic.h"

namespace stagecoach {

Cycles port_cycles(const BufferSpec& buffer, const PortTraffic& traffic, std::int64_t cores) {
  if (std::isinf(buffer.width_bytes)) return 0;
  const double unit = buffer.width_bytes * buffer.banks * static_cast<double>(cores);
  const double shared = buffer.shared_ports * unit;
  const double read = buffer.read_ports * unit + shared;
  const double write = buffer.write_ports * unit + shared;
  if (read <= 0 || write <= 0) throw ModelBug("port_cycles: a buffer needs ports both ways");
  return std::max({cycles_at(traffic.read_bytes, read), cycles_at(traffic.write_bytes, write),
                   cycles_at(traffic.read_bytes + traffic.write_bytes, read + write - shared)});
}

Bytes capacity_bytes(const BufferSpec& buffer) {
  return rounded_down<Bytes>(buffer.capacity_kib * 1024);
}

Cycles double_buffered_cycles(const std::vector<TileTimes>& tiles) {
  if (tiles.empty()) return 0;
  Cycles total = tiles.front().load + tiles.back().store;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const Cycles next_load = i + 1 < tiles.size() ? tiles[i + 1].load : 0;
    const Cycles last_store = i > 0 ? tiles[i - 1].store : 0;
    total += std::max({tiles[i].compute, next_load, last_store});
  }
  return total;
}

double bytes_per_cycle(double gb_per_s, double clock_mhz) { return gb_per_s * 1000 / clock_mhz; }

double dram_bytes_per_cycle(const DramSpec& dram, double clock_mhz, std::int64_t sharers) {
  double rate = bytes_per_cycle(dram.bandwidth_gb_per_s, clock_mhz);
  const double missed_ns = (1 - dram.row_hit_rate) * dram.row_miss_ns;
  if (missed_ns > 0) {
    const double missed = missed_ns * clock_mhz / 1000;
    rate = dram.burst_bytes / (dram.burst_bytes / rate + missed);
  }
  return dram.arbitration == Arbitration::equal_shares ? rate / static_cast<double>(sharers) : rate;
}

Cycles dram_cycles(const DramSpec& dram, double bytes, double clock_mhz, std::int64_t sharers) {
  if (bytes <= 0) return 0;
  return cycles_of_ns(dram.latency_ns, clock_mhz) +
         cycles_at(bytes, dram_bytes_per_cycle(dram, clock_mhz, sharers));
}

}  // namespace stagecoach
