// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/layer_price.h"

#include <algorithm>
#include <cmath>

#include "models/optimizer/update_rule.h"
#include "sim/base/arithmetic.h"
#include "sim/timing/matrix_unit.h"
#include "sim/timing/memory.h"
#include "sim/timing/vector_work.h"

namespace stagecoach {

namespace {

bool only_reads_network_input(const LayerNode& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [](ValueId v) { return v == kInputValue; });
}

Cycles vector_cycles(const PricingContext& c, double operations) {
  if (operations <= 0) return 0;
  const VectorUnitSpec& unit = c.core->vector_unit;
  return unit.latency_cycles + cycles_at(operations, unit.lanes * static_cast<double>(c.cores));
}

/// A device with kernels pays its launch overhead for vector work too.
Cycles launch_cycles(const PricingContext& c) {
  return c.core->kind == CoreKind::roofline
             ? cycles_of_ns(c.core->roofline.launch_overhead_ns, c.clock_mhz)
             : 0;
}

Cycles memory_cycles(const PricingContext& c, const EventCounts& e) {
  const PortTraffic weights{e.weight_read_bytes, e.weight_write_bytes};
  const PortTraffic activations{e.activation_read_bytes, e.activation_write_bytes};
  Cycles ports = 0;
  if (c.core->unified()) {
    ports = port_cycles(c.core->weight_memory(),
                        {weights.read_bytes + activations.read_bytes,
                         weights.write_bytes + activations.write_bytes},
                        c.cores);
  } else {
    ports = std::max(port_cycles(c.core->weight_memory(), weights, c.cores),
                     port_cycles(c.core->activation_memory(), activations, c.cores));
  }
  if (c.core->kind != CoreKind::roofline) return ports;
  const double bytes =
      weights.read_bytes + weights.write_bytes + activations.read_bytes + activations.write_bytes;
  const double rate = bytes_per_cycle(c.core->roofline.memory_gb_per_s, c.clock_mhz);
  const Cycles transfer = cycles_at(bytes, rate * static_cast<double>(c.cores));
  return std::max(ports, transfer > 0 ? launch_cycles(c) + transfer : 0);
}

PassPrice finish(const PricingContext& c, PassPrice p) {
  // Constants per micro-batch stand for everything inside such a core.
  if (c.core->kind == CoreKind::fixed) {
    p.matrix_cycles = p.vector_cycles = 0;
    return p;
  }
  p.memory_cycles = memory_cycles(c, p.events);
  p.compute_cycles = c.core->vector_unit.overlaps_macs ? std::max(p.matrix_cycles, p.vector_cycles)
                                                       : p.matrix_cycles + p.vector_cycles;
  p.cycles = std::max({p.compute_cycles, p.memory_cycles, p.region_cycles});
  return p;
}

void add_region(PassPrice& p, const MatrixJob& job, const PricingContext& c) {
  if (!c.region.present || c.core->kind == CoreKind::fixed) return;
  const std::int64_t cores = cores_at_work(job, *c.core, c.cores);
  const RegionTraffic traffic =
      region_traffic(job, c.elements, cores, region_shape(cores, c.region.bounds));
  p.region_bytes = traffic.bytes;
  p.region_cycles = cycles_at(traffic.busiest_bytes, c.region.bytes_per_cycle);
}

PassPrice price_vector(const VectorWork& work, double read_bytes, double write_bytes,
                       const PricingContext& c, int samples) {
  PassPrice p;
  if (work.operations <= 0 && work.elements_read <= 0) return p;
  p.events.vector_operations = work.operations * samples;
  p.events.activation_read_bytes = work.elements_read * read_bytes * samples;
  p.events.activation_write_bytes = work.elements_written * write_bytes * samples;
  p.vector_cycles = launch_cycles(c) + vector_cycles(c, p.events.vector_operations);
  return finish(c, p);
}

PassPrice price_on_all_cores(const LayerNode& node, Product product, const PricingContext& c,
                             int samples) {
  const MatrixJob job{matrix_geometry(node), product, samples, only_reads_network_input(node)};
  PassPrice p;
  p.events.macs = static_cast<double>(macs_per_sample(node)) * samples;
  p.matrix_cycles = matrix_cycles(job, *c.core, c.clock_mhz, c.cores);
  OperandTraffic t = matrix_traffic(job, *c.core, c.cores);
  const ElementSpec& e = c.elements;
  const VectorOperations& v = c.core->vector_unit.operations;
  switch (product) {
    case Product::forward:
      p.events.vector_operations = vector_forward(node, v).operations * samples;
      p.events.weight_read_bytes = t.right * e.weights_bytes;
      p.events.activation_read_bytes = (t.left + t.result_read) * e.activations_bytes;
      p.events.activation_write_bytes = t.result_write * e.activations_bytes;
      break;
    case Product::input_gradient:
      p.events.weight_read_bytes = t.right * e.weights_bytes;
      p.events.activation_read_bytes = (t.left + t.result_read) * e.gradients_bytes;
      p.events.activation_write_bytes = t.result_write * e.gradients_bytes;
      break;
    case Product::weight_gradient: {
      const double weights = static_cast<double>(job.geometry.weights());
      if (c.core->fused_update && !c.accumulates) t.result_write -= weights;
      if (c.accumulates) t.result_read += weights;
      p.events.vector_operations = vector_backward(node, v).operations * samples;
      p.events.activation_read_bytes = t.left * e.activations_bytes + t.right * e.gradients_bytes;
      p.events.weight_read_bytes = t.result_read * e.gradients_bytes;
      p.events.weight_write_bytes = t.result_write * e.gradients_bytes;
      break;
    }
  }
  p.vector_cycles = vector_cycles(c, p.events.vector_operations);
  add_region(p, job, c);
  return finish(c, p);
}

PassPrice price_matrix(const LayerNode& node, Product product, const PricingContext& c,
                       int samples) {
  PassPrice best = price_on_all_cores(node, product, c, samples);
  std::int64_t cores = 1;
  while (cores * 2 < c.cores) cores *= 2;
  // Fewer cores never compute faster, so there is nothing to gain once links are not the limit.
  for (; cores < c.cores && cores >= 1; cores /= 2) {
    if (best.region_cycles <= std::max(best.compute_cycles, best.memory_cycles)) break;
    PricingContext fewer = c;
    fewer.cores = cores;
    const PassPrice price = price_on_all_cores(node, product, fewer, samples);
    if (price.cycles < best.cycles) best = price;
  }
  return best;
}

}  // namespace

UpdateWork update_work(const TrainSpec& train) {
  // All cores are alike: what some stage needs is there at every stage.
  TrainSpec late = train;
  late.mitigation.prediction_horizon = 1;
  const UpdateDeclaration declared = declare_update(late, {1, 1, 1});
  UpdateWork work;
  work.terms = declared.multiply_adds + (train.mitigation.gradient_shrinking != 1.0);
  work.optimizer_values = declared.stored_words();
  work.predicted_values = declared.predicts_forward || declared.predicts_backward ? 1 : 0;
  return work;
}

PassPrice price_forward(const LayerNode& node, const PricingContext& c, int samples) {
  if (has_weight_matrix(node.spec.kind)) return price_matrix(node, Product::forward, c, samples);
  const double bytes = c.elements.activations_bytes;
  return price_vector(vector_forward(node, c.core->vector_unit.operations), bytes, bytes, c,
                      samples);
}

PassPrice price_input_gradient(const LayerNode& node, const PricingContext& c, int samples) {
  if (only_reads_network_input(node)) {
    const bool has_own_gradients =
        !has_weight_matrix(node.spec.kind) && node.trainable_parameters() > 0;
    if (!has_own_gradients) return {};
  }
  if (has_weight_matrix(node.spec.kind)) {
    return price_matrix(node, Product::input_gradient, c, samples);
  }
  const double bytes = c.elements.gradients_bytes;
  return price_vector(vector_backward(node, c.core->vector_unit.operations), bytes, bytes, c,
                      samples);
}

PassPrice price_weight_gradient(const LayerNode& node, const PricingContext& c, int samples) {
  if (!has_weight_matrix(node.spec.kind)) return {};
  return price_matrix(node, Product::weight_gradient, c, samples);
}

PassPrice price_update(const LayerNode& node, const PricingContext& c) {
  const double parameters = static_cast<double>(node.trainable_parameters());
  PassPrice p;
  if (parameters == 0) return p;
  const double optimizer = c.update.optimizer_values * parameters * c.elements.optimizer_bytes;
  const bool stored = !c.core->fused_update || c.accumulates;
  p.events.weight_read_bytes = parameters * c.elements.weights_bytes + optimizer +
                               (stored ? parameters * c.elements.gradients_bytes : 0);
  p.events.weight_write_bytes =
      parameters * c.elements.weights_bytes * (1 + c.update.predicted_values) + optimizer;
  double on_vector_unit = parameters;
  if (c.core->kind == CoreKind::resident && has_weight_matrix(node.spec.kind)) {
    const MatrixGeometry g = matrix_geometry(node);
    const std::int64_t trips = resident_share(g, c.core->resident, c.cores) * c.update.terms;
    p.matrix_cycles = c.core->mac.initiation_interval * (trips - 1) + c.core->mac.latency_cycles;
    p.events.macs = static_cast<double>(g.weights()) * c.update.terms;
    on_vector_unit -= static_cast<double>(g.weights());
  }
  p.events.vector_operations =
      on_vector_unit * c.update.terms * c.core->vector_unit.operations.update;
  p.vector_cycles = launch_cycles(c) + vector_cycles(c, p.events.vector_operations);
  return finish(c, p);
}

PassPrice price_loss(std::int64_t elements, bool backward, const PricingContext& c, int samples) {
  const VectorOperations& v = c.core->vector_unit.operations;
  const double act = c.elements.activations_bytes, grad = c.elements.gradients_bytes;
  return backward ? price_vector(loss_backward(elements, v), act, grad, c, samples)
                  : price_vector(loss_forward(elements, v), act, act, c, samples);
}

PassSums& PassSums::operator+=(const PassPrice& p) {
  macs += static_cast<std::int64_t>(p.events.macs);
  compute += p.compute_cycles;
  cycles += p.cycles;
  without_region += std::max(p.compute_cycles, p.memory_cycles);
  region_busy += p.region_cycles;
  region_bytes += static_cast<Bytes>(std::ceil(p.region_bytes - 1e-6));
  matrix += p.matrix_cycles;
  vector += p.vector_cycles;
  memory += p.memory_cycles;
  if (p.matrix_cycles > 0) {
    matrix_long += std::max({p.matrix_cycles, p.memory_cycles, p.region_cycles});
    matrix_without_region += std::max(p.matrix_cycles, p.memory_cycles);
    vector_long += p.vector_cycles;
  } else {
    vector_long += std::max(p.vector_cycles, p.memory_cycles);
  }
  return *this;
}

PassSums PassSums::operator-(const PassSums& o) const {
  PassSums d = *this;
  d.macs -= o.macs;
  d.compute -= o.compute;
  d.cycles -= o.cycles;
  d.without_region -= o.without_region;
  d.region_busy -= o.region_busy;
  d.region_bytes -= o.region_bytes;
  d.matrix -= o.matrix;
  d.vector -= o.vector;
  d.memory -= o.memory;
  d.matrix_long -= o.matrix_long;
  d.matrix_without_region -= o.matrix_without_region;
  d.vector_long -= o.vector_long;
  return d;
}

OpCost PassSums::cost(const CoreSpec& core) const {
  OpCost op;
  op.macs = macs;
  op.region_busy_cycles = region_busy;
  op.region_bytes = region_bytes;
  const bool overlaps = core.vector_unit.overlaps_macs;
  op.compute_cycles = overlaps ? std::max(matrix, vector) : compute;
  // Units that overlap use the same ports.
  op.cycles = overlaps ? std::max({matrix_long, vector_long, memory}) : cycles;
  op.interconnect_cycles =
      op.cycles -
      (overlaps ? std::max({matrix_without_region, vector_long, memory}) : without_region);
  return op;
}

OpCost combine(const std::vector<PassPrice>& passes, const CoreSpec& core) {
  PassSums sums;
  for (const PassPrice& p : passes) sums += p;
  return sums.cost(core);
}

}  // namespace stagecoach
