// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/matrix_unit.h"

#include <algorithm>
#include <cmath>

#include "sim/base/arithmetic.h"

namespace stagecoach {

namespace {

Cycles pipelined_loop(const MacSpec& mac, std::int64_t trips) {
  return mac.initiation_interval * (trips - 1) + mac.latency_cycles;
}

/// Hops across the region of `tiles` tiles: near-square, within the rectangle of a lone core.
std::int64_t region_hops(const ResidentCore& core, std::int64_t cores, std::int64_t tiles) {
  const std::int64_t rows = core.tile_rows, columns = core.tile_columns;
  std::int64_t c = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(tiles))));
  if (cores == 1) c = std::clamp(c, ceil_div(tiles, rows), columns);
  return ceil_div(tiles, c) + c - 2;
}

/// Most tiles whose region has at most so many hops across: region_hops() the other way round.
std::int64_t tiles_within(const ResidentCore& core, std::int64_t cores, std::int64_t hops) {
  const std::int64_t sides = hops + 2;
  std::int64_t columns = ceil_div(sides, 2), rows = sides / 2;
  if (cores > 1) return columns * rows;
  if (columns > core.tile_columns) {
    columns = core.tile_columns, rows = sides - columns;
  } else if (rows > core.tile_rows) {
    rows = core.tile_rows, columns = sides - rows;
  }
  return std::min<std::int64_t>(columns, core.tile_columns) *
         std::min<std::int64_t>(rows, core.tile_rows);
}

struct DotLoops {
  std::int64_t outer = 0;    ///< may be cut among cores
  std::int64_t inner = 0;    ///< one accumulator: stays together
  std::int64_t outputs = 0;  ///< blocks of outputs; may be cut among cores
};

DotLoops dot_loops(const MatrixJob& job, const DotProductCore& core) {
  const MatrixProduct p = in_form(job.product, core.input_gradient);
  const std::int64_t ai = core.atomic_inputs, ao = core.atomic_outputs;
  const bool packs =
      core.pack_image_rows && job.reads_network_input && p.pass() == LayerPass::forward;
  const std::int64_t inner = packs
                                 ? p.k.window_rows * ceil_div(p.k.channels * p.k.window_columns, ai)
                                 : p.k.window() * ceil_div(p.k.channels, ai);
  return {p.m.size(), inner, p.n.window() * ceil_div(p.n.channels, ao)};
}

/// The form in which a kind of core computes an input gradient.
InputGradientForm form_of(const CoreSpec& core) {
  switch (core.kind) {
    case CoreKind::systolic:
      return core.systolic.input_gradient;
    case CoreKind::dot_product:
      return core.dot_product.input_gradient;
    case CoreKind::fixed:
    case CoreKind::resident:
    case CoreKind::roofline:
      break;
  }
  return InputGradientForm::gemm;
}

double elements(const Operand& o) { return static_cast<double>(o.elements); }

/// Every value once: what a device with caches large enough for one layer moves.
OperandTraffic once_each(const MatrixProduct& p) {
  return {elements(p.left), elements(p.right), elements(p.result), 0};
}

OperandTraffic resident_traffic(const MatrixProduct& p, const ResidentCore& core,
                                std::int64_t cores) {
  OperandTraffic traffic = once_each(p);
  if (resident_share(resident_elements(p), core, cores) <= 1) return traffic;
  const double meets = static_cast<double>(resident_meetings(p));
  if (p.result.role == OperandRole::weight_gradient) {
    traffic.result_read = traffic.result_write * (meets - 1);
    traffic.result_write *= meets;
  } else {
    traffic.right *= meets;
  }
  return traffic;
}

}  // namespace

double mac_units(const CoreSpec& core) {
  const int units = core.concurrent_passes ? core.concurrent_passes->units() : 1;
  switch (core.kind) {
    case CoreKind::fixed:
    case CoreKind::roofline:
      return 0;
    case CoreKind::resident:
      return 1.0 * core.resident.tile_rows * core.resident.tile_columns *
             core.resident.lanes_per_tile * units;
    case CoreKind::systolic:
      return 1.0 * core.systolic.rows * core.systolic.columns * units;
    case CoreKind::dot_product:
      return 1.0 * core.dot_product.atomic_inputs * core.dot_product.atomic_outputs * units;
  }
  return 0;
}

int units_of_pass(const CoreSpec& core, LayerPass pass) {
  if (!core.concurrent_passes) return 1;
  switch (pass) {
    case LayerPass::forward:
      return core.concurrent_passes->forward_units;
    case LayerPass::input_gradient:
      return core.concurrent_passes->input_gradient_units;
    case LayerPass::weight_gradient:
      return core.concurrent_passes->weight_gradient_units;
  }
  return 1;
}

ResidentCore lanes_of_pass(const CoreSpec& core, LayerPass pass) {
  ResidentCore lanes = core.resident;
  lanes.lanes_per_tile *= units_of_pass(core, pass);
  return lanes;
}

double peak_macs_per_cycle(const CoreSpec& core, double clock_mhz) {
  if (core.kind == CoreKind::roofline) {
    const int units = core.concurrent_passes ? core.concurrent_passes->units() : 1;
    return std::isinf(core.roofline.peak_gmacs_per_s)
               ? 0
               : core.roofline.peak_gmacs_per_s * 1000 / clock_mhz * units;
  }
  const Cycles interval = core.mac.initiation_interval;
  return interval == 0 ? 0 : mac_units(core) / static_cast<double>(interval);
}

std::int64_t resident_elements(const MatrixProduct& p) {
  return p.result.role == OperandRole::weight_gradient ? p.result.elements : p.right.elements;
}

std::int64_t resident_meetings(const MatrixProduct& p) {
  return p.result.role == OperandRole::weight_gradient ? p.k.size() : p.m.size();
}

std::int64_t resident_share(std::int64_t resident, const ResidentCore& core, std::int64_t cores) {
  const std::int64_t lanes =
      std::int64_t{1} * core.tile_rows * core.tile_columns * core.lanes_per_tile * cores;
  return ceil_div(resident, lanes);
}

Cycles resident_cycles(const MatrixProduct& p, const ResidentCore& core, const MacSpec& mac,
                       std::int64_t cores) {
  const std::int64_t resident = resident_elements(p);
  const std::int64_t meetings = resident_meetings(p);
  const std::int64_t smallest = resident_share(resident, core, cores);
  const auto tiles = [&](std::int64_t share) {
    return ceil_div(resident, share * core.lanes_per_tile);
  };
  Cycles best = kUnlimited<Cycles>;
  // Larger shares add work and take away tiles, so only the smallest share of every hop count can
  // be the best one: about as many as a region has tiles along its edges, whatever the weights.
  for (std::int64_t hops = region_hops(core, cores, tiles(smallest)); hops >= 0; --hops) {
    const std::int64_t share = std::max(
        smallest, ceil_div(resident, core.lanes_per_tile * tiles_within(core, cores, hops)));
    const Cycles work = pipelined_loop(mac, share * meetings);
    if (work >= best) break;
    best = std::min(best, work + core.tile_hop_cycles * hops);
    if (core.tile_hop_cycles == 0) break;
  }
  return best;
}

Cycles dot_product_cycles(const MatrixJob& job, const DotProductCore& core, const MacSpec& mac,
                          std::int64_t cores) {
  const DotLoops loops = dot_loops(job, core);
  const std::int64_t most = std::min(cores, loops.outputs);
  std::int64_t trips = kUnlimited<std::int64_t>;
  for (std::int64_t by_output = 1; by_output > 0 && by_output <= most;
       by_output = next_finer_cut(loops.outputs, by_output)) {
    trips =
        std::min(trips, ceil_div(loops.outputs, by_output) * loops.inner *
                            ceil_div(loops.outer, std::max<std::int64_t>(1, cores / by_output)));
  }
  return pipelined_loop(mac, trips * job.product.groups);
}

std::int64_t sums_per_result(const MatrixJob& job, const DotProductCore& core) {
  return dot_loops(job, core).inner;
}

Cycles roofline_cycles(const MatrixProduct& p, const RooflineCore& core, double clock_mhz,
                       std::int64_t cores) {
  const double per_cycle = core.peak_gmacs_per_s * core.efficiency * 1000 / clock_mhz;
  return cycles_of_ns(core.launch_overhead_ns, clock_mhz) +
         cycles_at(static_cast<double>(p.macs()), per_cycle * static_cast<double>(cores));
}

Cycles matrix_cycles(const MatrixJob& job, const CoreSpec& core, double clock_mhz,
                     std::int64_t cores) {
  const LayerPass pass = job.product.pass();
  const std::int64_t units = cores * units_of_pass(core, pass);
  switch (core.kind) {
    case CoreKind::fixed:
      return 0;
    case CoreKind::resident:
      return resident_cycles(job.product, lanes_of_pass(core, pass), core.mac, cores);
    case CoreKind::systolic:
      return systolic_cycles(gemm_shape(in_form(job.product, form_of(core))), core.systolic,
                             core.mac, units);
    case CoreKind::dot_product:
      return dot_product_cycles(job, core.dot_product, core.mac, units);
    case CoreKind::roofline:
      return roofline_cycles(job.product, core.roofline, clock_mhz, units);
  }
  return 0;
}

OperandTraffic dot_product_traffic(const MatrixProduct& p, const DotProductCore& core) {
  const GemmShape s = gemm_shape(p);
  const double m = static_cast<double>(s.m), k = static_cast<double>(s.k);
  const double n = static_cast<double>(s.n), groups = static_cast<double>(s.groups);
  const double passes = static_cast<double>(ceil_div(p.n.channels, core.atomic_outputs));
  return {m * k * passes * groups, k * n * groups, m * n * groups, 0};
}

OperandTraffic matrix_traffic(const MatrixProduct& product, const CoreSpec& core,
                              std::int64_t cores) {
  switch (core.kind) {
    case CoreKind::fixed:
    case CoreKind::roofline:
      return once_each(product);
    case CoreKind::resident:
      return resident_traffic(product, lanes_of_pass(core, product.pass()), cores);
    case CoreKind::systolic:
      return systolic_traffic(gemm_shape(in_form(product, form_of(core))), core.systolic);
    case CoreKind::dot_product:
      return dot_product_traffic(product, core.dot_product);
  }
  return {};
}

}  // namespace stagecoach
