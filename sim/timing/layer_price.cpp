// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/layer_price.h"

#include <algorithm>
#include <cmath>

#include "models/optimizer/update_rule.h"
#include "sim/base/arithmetic.h"
#include "sim/timing/matrix_unit.h"
#include "sim/timing/memory.h"
#include "sim/timing/register_traffic.h"

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
  const std::int64_t cores = cores_at_work(job.product, *c.core, c.cores);
  const RegionTraffic traffic =
      region_traffic(job, c.elements, cores, region_shape(cores, c.region.bounds));
  p.region_bytes = traffic.bytes;
  p.region_cycles = cycles_at(traffic.busiest_bytes, c.region.bytes_per_cycle);
}

/// Work of the vector unit that moves its operands itself; counts of one sample.
struct VectorWork {
  double operations = 0;
  double elements_read = 0;
  double elements_written = 0;
};

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

/// Operations of one sample.
double operations_of(const ElementwiseCost* cost, double elements, LayerPass pass,
                     const CoreSpec& core) {
  if (!cost) return 0;
  const VectorCost& v = core.vector_unit.operations.of(*cost);
  return (pass == LayerPass::forward ? v.forward : v.backward) * elements;
}

/// Elements moved between buffers and the matrix unit, as bytes of the memory that holds each.
void add_traffic(EventCounts& events, const MatrixProduct& p, const OperandTraffic& t,
                 const ElementSpec& e) {
  using R = OperandRole;
  for (const R role : {R::weight, R::weight_gradient, R::activation, R::gradient}) {
    double read = 0, written = 0;
    if (p.left.role == role) read += t.left;
    if (p.right.role == role) read += t.right;
    if (p.result.role == role) read += t.result_read, written += t.result_write;
    const double bytes = bytes_of(role, e);
    const bool weights = role == R::weight || role == R::weight_gradient;
    (weights ? events.weight_read_bytes : events.activation_read_bytes) += read * bytes;
    (weights ? events.weight_write_bytes : events.activation_write_bytes) += written * bytes;
  }
}

void add_registers(EventCounts& events, const MatrixJob& job, const PricingContext& c) {
  const RegisterTraffic t = register_traffic(job, *c.core, c.cores);
  events.register_bytes = t.left * bytes_of(job.product.left.role, c.elements) +
                          t.right * bytes_of(job.product.right.role, c.elements);
  events.accumulator_bytes = t.accumulators * c.elements.accumulator_bytes;
}

PassPrice price_on_all_cores(const MatrixProduct& product, bool reads_network_input,
                             const PricingContext& c, int samples) {
  const MatrixJob job{for_samples(product, samples), reads_network_input};
  PassPrice p;
  p.events.macs = static_cast<double>(product.macs()) * samples;
  p.matrix_cycles = matrix_cycles(job, *c.core, c.clock_mhz, c.cores);
  OperandTraffic t = matrix_traffic(job.product, *c.core, c.cores);
  if (product.pass() == LayerPass::weight_gradient) {
    const double weights = static_cast<double>(product.result.elements);
    if (c.core->fused_update && !c.accumulates) t.result_write -= weights;
    if (c.accumulates) t.result_read += weights;
  }
  add_traffic(p.events, job.product, t, c.elements);
  add_registers(p.events, job, c);
  p.events.vector_operations =
      operations_of(product.fused_cost, product.fused_elements, product.pass(), *c.core) * samples;
  p.vector_cycles = vector_cycles(c, p.events.vector_operations);
  add_region(p, job, c);
  return finish(c, p);
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

PassPrice price_product(const MatrixProduct& product, bool reads_network_input,
                        const PricingContext& c, int samples) {
  PassPrice best = price_on_all_cores(product, reads_network_input, c, samples);
  std::int64_t cores = 1;
  while (cores * 2 < c.cores) cores *= 2;
  // Fewer cores never compute faster, so there is nothing to gain once links are not the limit.
  for (; cores < c.cores && cores >= 1; cores /= 2) {
    if (best.region_cycles <= std::max(best.compute_cycles, best.memory_cycles)) break;
    PricingContext fewer = c;
    fewer.cores = cores;
    const PassPrice price = price_on_all_cores(product, reads_network_input, fewer, samples);
    if (price.cycles < best.cycles) best = price;
  }
  return best;
}

std::vector<PassPrice> price_pass(const LayerNode& node, LayerPass pass, const PricingContext& c,
                                  int samples) {
  const bool first = only_reads_network_input(node);
  const bool unwanted = first && pass == LayerPass::input_gradient;
  const LayerWork work = work_of(node);
  std::vector<PassPrice> prices;
  for (const MatrixProduct& product : work.products) {
    if (product.pass() == pass && !unwanted)
      prices.push_back(price_product(product, first, c, samples));
  }
  for (const ElementwiseWork& w : work.elementwise) {
    if (w.pass != pass || (unwanted && node.trainable_parameters() == 0)) continue;
    const double bytes =
        pass == LayerPass::forward ? c.elements.activations_bytes : c.elements.gradients_bytes;
    const double operations = operations_of(w.cost, w.elements, pass, *c.core);
    prices.push_back(
        price_vector({operations, w.elements_read, w.elements_written}, bytes, bytes, c, samples));
  }
  return prices;
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
  if (c.core->kind == CoreKind::resident) {
    for (const MatrixProduct& product : work_of(node).products) {
      if (product.pass() != LayerPass::weight_gradient) continue;
      const std::int64_t weights = product.result.elements;
      const std::int64_t trips =
          resident_share(weights, lanes_of_pass(*c.core, LayerPass::weight_gradient), c.cores) *
          c.update.terms;
      p.matrix_cycles += c.core->mac.initiation_interval * (trips - 1) + c.core->mac.latency_cycles;
      p.events.macs += static_cast<double>(weights) * c.update.terms;
      on_vector_unit -= static_cast<double>(weights);
    }
  }
  p.events.vector_operations =
      on_vector_unit * c.update.terms * c.core->vector_unit.operations.update;
  p.vector_cycles = launch_cycles(c) + vector_cycles(c, p.events.vector_operations);
  // Then ports alone can make it longer than the weight gradient that it goes with.
  if (c.core->updates_in_passing() && !c.accumulates) p.matrix_cycles = p.vector_cycles = 0;
  return finish(c, p);
}

PassPrice price_loss(std::int64_t elements, bool backward, const PricingContext& c, int samples) {
  const VectorCost& cost = c.core->vector_unit.operations.loss;
  const double n = static_cast<double>(elements);
  const double act = c.elements.activations_bytes, grad = c.elements.gradients_bytes;
  return price_vector({(backward ? cost.backward : cost.forward) * n, n, n}, act,
                      backward ? grad : act, c, samples);
}

LayerPassCost cost_of(const std::vector<PassPrice>& passes) {
  LayerPassCost sum;
  for (const PassPrice& p : passes) {
    sum.macs += static_cast<std::int64_t>(p.events.macs);
    sum.compute_cycles += p.compute_cycles;
    sum.memory_cycles += p.memory_cycles;
    sum.cycles += p.cycles;
    sum.interconnect_cycles += p.region_cycles;
  }
  return sum;
}

PassSums& PassSums::operator+=(const PassPrice& p) {
  macs += static_cast<std::int64_t>(p.events.macs);
  compute += p.compute_cycles;
  cycles += p.cycles;
  without_region += std::max(p.compute_cycles, p.memory_cycles);
  region_busy += p.region_cycles;
  region_bytes += rounded_up<Bytes>(p.region_bytes - 1e-6);
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
