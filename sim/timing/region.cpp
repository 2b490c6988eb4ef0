// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/region.h"

#include <algorithm>
#include <cmath>

#include "sim/base/arithmetic.h"

namespace stagecoach {

namespace {

/// A broadcast or a reduction: `bytes` in `slices` different parts over `lines` parallel lines.
void add_lines(RegionTraffic& traffic, double bytes, std::int64_t slices, std::int64_t lines,
               std::int64_t cores) {
  if (cores <= lines) return;  // one core a line: nothing to pass on
  const double slice = bytes / static_cast<double>(std::min(slices, lines));
  traffic.bytes += slice * static_cast<double>(cores - lines);
  traffic.busiest_bytes = std::max(traffic.busiest_bytes, slice);
}

/// All values of an operand. Partial sums travel in the precision of what they become.
double operand_bytes(const Operand& o, const ElementSpec& e) {
  return static_cast<double>(o.elements) * bytes_of(o.role, e);
}

}  // namespace

RegionShape region_shape(std::int64_t cores, RegionShape bounds) {
  auto columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(cores)) - 1e-9));
  if (cores <= bounds.rows * bounds.columns) {
    columns = std::clamp(columns, ceil_div(cores, bounds.rows), bounds.columns);
  }
  return {ceil_div(cores, columns), columns};
}

RegionTraffic region_traffic(const MatrixJob& job, const ElementSpec& e, std::int64_t cores,
                             RegionShape region) {
  const MatrixProduct& p = job.product;
  RegionTraffic traffic;
  const auto along_rows = [&](const Operand& o, const Extent& channels) {
    add_lines(traffic, operand_bytes(o, e), p.groups * channels.channels, region.rows, cores);
  };
  const auto along_columns = [&](const Operand& o, const Extent& channels) {
    add_lines(traffic, operand_bytes(o, e), p.groups * channels.channels, region.columns, cores);
  };
  switch (p.pass()) {
    case LayerPass::forward:
      along_rows(p.left, p.k);
      along_columns(p.result, p.n);
      break;
    case LayerPass::input_gradient:
      along_rows(p.result, p.n);
      along_columns(p.left, p.k);
      break;
    case LayerPass::weight_gradient:
      along_rows(p.left, p.m);
      if (job.reads_network_input) along_columns(p.right, p.n);
      break;
  }
  return traffic;
}

std::int64_t cores_at_work(const MatrixProduct& product, const CoreSpec& core, std::int64_t cores) {
  if (core.kind != CoreKind::resident) return cores;
  return std::min(cores, resident_share(resident_elements(product), core.resident, 1));
}

}  // namespace stagecoach
