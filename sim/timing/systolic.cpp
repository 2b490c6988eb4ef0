// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/systolic.h"

#include <algorithm>

#include "sim/base/arithmetic.h"

namespace stagecoach {

namespace {

/// Equal parts of products, one after the other, cut along rows and columns of arrays. With
/// fold_overlap their folds are one stream: the first fold of a part loads while the last one of
/// the part before computes.
Cycles cycles_of_parts(std::int64_t parts, const SystolicMapping& part, const SystolicCore& core,
                       const MacSpec& mac) {
  const std::int64_t r = core.rows, c = core.columns, t = part.streamed;
  const std::int64_t folds = parts * ceil_div(part.along_rows, r) * ceil_div(part.along_columns, c);
  const bool preloads = core.dataflow != Dataflow::output_stationary;
  if (!core.fold_overlap) {
    const std::int64_t steps = (preloads ? 2 * r : r) + c + t - 2;
    return folds * (mac.initiation_interval * (steps - 1) + mac.latency_cycles);
  }
  const std::int64_t steps = (preloads ? r : 0) + (folds - 1) * std::max(t, r) + t + r + c - 2;
  return mac.initiation_interval * (steps - 1) + mac.latency_cycles;
}

}  // namespace

SystolicMapping systolic_mapping(const GemmShape& s, Dataflow dataflow) {
  switch (dataflow) {
    case Dataflow::weight_stationary:
      return {s.k, s.n, s.m};
    case Dataflow::output_stationary:
      return {s.m, s.n, s.k};
    case Dataflow::input_stationary:
      return {s.k, s.m, s.n};
  }
  return {};
}

Cycles systolic_cycles(const GemmShape& shape, const SystolicCore& core, const MacSpec& mac) {
  return cycles_of_parts(shape.groups, systolic_mapping(shape, core.dataflow), core, mac);
}

Cycles systolic_cycles(const GemmShape& shape, const SystolicCore& core, const MacSpec& mac,
                       std::int64_t arrays) {
  if (arrays <= 1) return systolic_cycles(shape, core, mac);
  // Groups are independent: arrays take whole groups first.
  const std::int64_t by_group = std::min(arrays, shape.groups);
  const std::int64_t turns = ceil_div(shape.groups, by_group);
  const std::int64_t per_group = arrays / by_group;
  const SystolicMapping whole = systolic_mapping(shape, core.dataflow);
  Cycles best = cycles_of_parts(turns, whole, core, mac);
  const std::int64_t row_folds = ceil_div(whole.along_rows, core.rows);
  for (std::int64_t rows = 1; rows > 0 && rows <= per_group;
       rows = next_finer_cut(row_folds, rows)) {
    SystolicMapping part = whole;
    part.along_rows = ceil_div(whole.along_rows, rows);
    part.along_columns = ceil_div(whole.along_columns, per_group / rows);
    best = std::min(best, cycles_of_parts(turns, part, core, mac));
  }
  return best;
}

OperandTraffic systolic_traffic(const GemmShape& s, const SystolicCore& core) {
  const double m = static_cast<double>(s.m), k = static_cast<double>(s.k);
  const double n = static_cast<double>(s.n), groups = static_cast<double>(s.groups);
  const SystolicMapping map = systolic_mapping(s, core.dataflow);
  const double row_folds = static_cast<double>(ceil_div(map.along_rows, core.rows));
  const double column_folds = static_cast<double>(ceil_div(map.along_columns, core.columns));
  OperandTraffic traffic;
  switch (core.dataflow) {
    case Dataflow::weight_stationary:
      traffic = {m * k * column_folds, k * n, m * n * row_folds, m * n * (row_folds - 1)};
      break;
    case Dataflow::output_stationary:
      traffic = {m * k * column_folds, k * n * row_folds, m * n, 0};
      break;
    case Dataflow::input_stationary:
      traffic = {m * k, k * n * column_folds, m * n * row_folds, m * n * (row_folds - 1)};
      break;
  }
  return {traffic.left * groups, traffic.right * groups, traffic.result_write * groups,
          traffic.result_read * groups};
}

}  // namespace stagecoach
