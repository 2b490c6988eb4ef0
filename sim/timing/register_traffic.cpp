// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/register_traffic.h"

namespace stagecoach {

RegisterTraffic systolic_registers(const GemmShape& shape, const SystolicCore& core) {
  const double macs = static_cast<double>(shape.macs());
  const double passed = 2 * macs;
  const OperandTraffic buffer = systolic_traffic(shape, core);
  const double stays_left = macs + buffer.left, stays_right = macs + buffer.right;
  if (core.registers == CellRegisters::row_stationary) return {stays_left, stays_right, 2 * macs};
  switch (core.dataflow) {
    case Dataflow::weight_stationary:
      return {passed, stays_right, 2 * macs};
    case Dataflow::output_stationary:
      return {passed, passed, 2 * macs};
    case Dataflow::input_stationary:
      return {stays_left, passed, 2 * macs};
  }
  return {};
}

RegisterTraffic resident_registers(const MatrixProduct& p, const ResidentCore& core,
                                   std::int64_t cores) {
  const double macs = static_cast<double>(p.macs());
  const double resident = static_cast<double>(resident_elements(p));
  const std::int64_t share = resident_share(resident_elements(p), core, cores);
  const double arriving = macs + macs / static_cast<double>(share);
  const bool in_register = share <= 1;
  if (p.result.role == OperandRole::weight_gradient)
    return {arriving, arriving, in_register ? 2 * macs : 0};
  return {arriving, in_register ? macs + resident : 0, 2 * macs};
}

RegisterTraffic dot_product_registers(const MatrixJob& job, const DotProductCore& core) {
  const OperandTraffic buffer = dot_product_traffic(job.product, core);
  const MatrixProduct p = in_form(job.product, core.input_gradient);
  const double results = static_cast<double>(p.m.size() * p.n.size() * p.groups);
  return {2 * buffer.left, static_cast<double>(gemm_shape(p).macs()) + buffer.right,
          2 * results * static_cast<double>(sums_per_result(job, core))};
}

RegisterTraffic register_traffic(const MatrixJob& job, const CoreSpec& core, std::int64_t cores) {
  switch (core.kind) {
    case CoreKind::fixed:
    case CoreKind::roofline:
      break;
    case CoreKind::resident:
      return resident_registers(job.product, lanes_of_pass(core, job.product.pass()), cores);
    case CoreKind::systolic:
      return systolic_registers(gemm_shape(in_form(job.product, core.systolic.input_gradient)),
                                core.systolic);
    case CoreKind::dot_product:
      return dot_product_registers(job, core.dot_product);
  }
  return {};
}

}  // namespace stagecoach
