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
  const MatrixGeometry& g = job.geometry;
  const std::int64_t channels_in = g.groups * g.in, channels_out = g.groups * g.out;
  const double in = static_cast<double>(channels_in * g.pixels_in) * job.samples;
  const double out = static_cast<double>(channels_out * g.pixels_out) * job.samples;
  RegionTraffic traffic;
  switch (job.product) {
    case Product::forward:
      add_lines(traffic, in * e.activations_bytes, channels_in, region.rows, cores);
      add_lines(traffic, out * e.activations_bytes, channels_out, region.columns, cores);
      break;
    case Product::input_gradient:
      add_lines(traffic, in * e.gradients_bytes, channels_in, region.rows, cores);
      add_lines(traffic, out * e.gradients_bytes, channels_out, region.columns, cores);
      break;
    case Product::weight_gradient:
      add_lines(traffic, in * e.activations_bytes, channels_in, region.rows, cores);
      if (!job.reads_network_input) break;
      add_lines(traffic, out * e.gradients_bytes, channels_out, region.columns, cores);
      break;
  }
  return traffic;
}

std::int64_t cores_at_work(const MatrixJob& job, const CoreSpec& core, std::int64_t cores) {
  if (core.kind != CoreKind::resident) return cores;
  const ResidentCore& r = core.resident;
  const std::int64_t lanes = std::int64_t{1} * r.tile_rows * r.tile_columns * r.lanes_per_tile;
  return std::min(cores, ceil_div(job.geometry.weights(), lanes));
}

}  // namespace stagecoach
