// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/placement.h"

#include <algorithm>
#include <cmath>

#include "models/base/error.h"
#include "sim/base/arithmetic.h"
#include "sim/base/instance_name.h"
#include "sim/plan/held_values.h"
#include "sim/timing/matrix_unit.h"
#include "sim/timing/memory.h"

namespace stagecoach {

namespace {

/// Plans say 0 where a rate has no limit.
double or_zero(double rate) { return std::isinf(rate) ? 0 : rate; }

struct Grid {
  int rows = 1;
  int columns = 1;
};

std::int64_t nodes_needed(const HardwareSpec& hw, const Mapping& mapping) {
  if (hw.interconnect.node == Granularity::region) {
    return static_cast<std::int64_t>(mapping.units.size());
  }
  // A list may leave cores out.
  std::int64_t end = 0;
  for (const Unit& u : mapping.units) end = std::max(end, u.first_core + u.service.cores);
  return end;
}

Grid grid_of(const HardwareSpec& hw, const Mapping& mapping) {
  const std::int64_t nodes = nodes_needed(hw, mapping);
  const InterconnectSpec& net = hw.interconnect;
  if (net.kind != InterconnectKind::mesh2d) return {1, static_cast<int>(nodes)};
  if (net.node == Granularity::region || net.rows == 0 || net.columns == 0) {
    const auto columns =
        static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(nodes))));
    return {static_cast<int>(ceil_div(nodes, columns)), static_cast<int>(columns)};
  }
  if (std::int64_t{1} * net.rows * net.columns < nodes) {
    throw MappingError("hardware /interconnect: a mesh of " + std::to_string(net.rows) + " x " +
                       std::to_string(net.columns) + " has no room for " + std::to_string(nodes) +
                       " cores");
  }
  return {net.rows, net.columns};
}

/// Cores that share a stage would talk inside it, which nobody has priced through a host.
void check_single_cores(const HardwareSpec& hw, const Mapping& mapping) {
  if (hw.interconnect.kind != InterconnectKind::through_host) return;
  for (const Unit& u : mapping.units) {
    if (u.service.cores == 1) continue;
    throw MappingError("hardware /interconnect/kind: \"through_host\" joins single cores; found " +
                       std::to_string(u.service.cores) +
                       " that serve a stage together; allowed: a /mapping of one core a stage");
  }
}

}  // namespace

std::vector<CorePlan> place_cores(const HardwareSpec& hw, const Mapping& mapping) {
  const Grid grid = grid_of(hw, mapping);
  const bool regions = hw.interconnect.node == Granularity::region;
  std::vector<CorePlan> cores;
  for (std::size_t i = 0; i < mapping.units.size(); ++i) {
    const Unit& u = mapping.units[i];
    const CoreSpec& spec = hw.cores[static_cast<std::size_t>(u.service.group)];
    const std::int64_t node =
        regions ? static_cast<std::int64_t>(i) : u.first_core + (u.service.cores - 1) / 2;
    CorePlan core;
    core.row = static_cast<int>(node / grid.columns);
    const int along = static_cast<int>(node % grid.columns);
    core.column = core.row % 2 == 0 ? along : grid.columns - 1 - along;
    core.cores = u.service.cores;
    if (regions) core.edge = std::sqrt(static_cast<double>(u.service.cores));
    core.group = u.service.group;
    core.concurrent_passes = spec.concurrent_passes.has_value();
    core.peak_macs_per_cycle =
        peak_macs_per_cycle(spec, hw.clock_mhz) * static_cast<double>(u.service.cores);
    core.name = instance_name(spec.name) + std::to_string(u.first_core);
    if (u.service.cores > 1) {
      core.name += "-" + std::to_string(u.first_core + u.service.cores - 1);
    }
    cores.push_back(core);
  }
  return cores;
}

InterconnectPlan plan_interconnect(const HardwareSpec& hw, const Mapping& mapping) {
  const Grid grid = grid_of(hw, mapping);
  check_single_cores(hw, mapping);
  InterconnectPlan plan;
  plan.copies = hw.interconnect.copies;
  plan.kind = hw.interconnect.kind;
  plan.rows = grid.rows;
  plan.columns = grid.columns;
  plan.link_bytes_per_cycle = or_zero(hw.interconnect.link_bytes_per_cycle);
  plan.hop_latency_cycles = hw.interconnect.hop_latency_cycles;
  return plan;
}

HostPlan plan_host(const HardwareSpec& hw) {
  HostPlan host;
  host.bytes_per_cycle = or_zero(bytes_per_cycle(hw.host.bandwidth_gb_per_s, hw.clock_mhz));
  host.latency_cycles = cycles_of_ns(hw.host.latency_ns, hw.clock_mhz);
  return host;
}

std::optional<DramPlan> plan_dram(const HardwareSpec& hw, bool forward_only) {
  if (!hw.dram || hw.dram->arbitration != Arbitration::first_come) return std::nullopt;
  DramPlan dram;
  dram.bytes_per_cycle = or_zero(dram_bytes_per_cycle(*hw.dram, hw.clock_mhz));
  if (!forward_only) dram.latency_cycles = cycles_of_ns(hw.dram->latency_ns, hw.clock_mhz);
  return dram;
}

Bytes output_bytes(const Network& network, const ElementSpec& elements) {
  return whole_bytes(static_cast<double>(network.output().elements()), elements.activations_bytes);
}

}  // namespace stagecoach
