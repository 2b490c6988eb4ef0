// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/stage_price.h"

#include <algorithm>

#include "sim/timing/matrix_unit.h"

namespace stagecoach {

namespace {

struct StagePasses {
  std::vector<PassPrice> forward, recompute, backward, weight_gradient, update;
};

void append(std::vector<PassPrice>& to, const std::vector<PassPrice>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

StagePasses passes_of(const PlanScope& scope, int stage, const PricingContext& forward,
                      const PricingContext& backward, int samples) {
  const StageSpec& spec = (*scope.partition)[static_cast<std::size_t>(stage)];
  StagePasses passes;
  const bool apart = scope.splits_backward || backward.core->concurrent_passes;
  std::vector<PassPrice>& weight_gradient = apart ? passes.weight_gradient : passes.backward;
  for (int l = spec.first_layer; l < spec.end_layer; ++l) {
    const LayerNode& node = scope.network->layers[static_cast<std::size_t>(l)];
    append(passes.forward, price_pass(node, LayerPass::forward, forward, samples));
    if (scope.forward_only) continue;
    if (spec.recomputes)
      append(passes.recompute, price_pass(node, LayerPass::forward, backward, samples));
    append(passes.backward, price_pass(node, LayerPass::input_gradient, backward, samples));
    append(weight_gradient, price_pass(node, LayerPass::weight_gradient, backward, samples));
    passes.update.push_back(price_update(node, backward));
  }
  if (spec.has_loss && !spec.free_loss && !scope.forward_only) {
    const std::int64_t outputs = scope.network->output().elements();
    passes.forward.push_back(price_loss(outputs, false, forward, samples));
    passes.backward.push_back(price_loss(outputs, true, backward, samples));
  }
  return passes;
}

OpCost fixed_cost(const std::vector<PassPrice>& passes, Cycles cycles) {
  OpCost op;
  for (const PassPrice& p : passes) op.macs += static_cast<std::int64_t>(p.events.macs);
  op.compute_cycles = op.cycles = cycles;
  return op;
}

OpCost cost_of_operation(const StageSpec& stage, const std::vector<PassPrice>& passes,
                         const CoreSpec& core, Cycles fixed) {
  if (stage.free_loss) return {};
  return core.kind == CoreKind::fixed ? fixed_cost(passes, fixed) : combine(passes, core);
}

EventCounts sum(const std::vector<PassPrice>& passes) {
  EventCounts total;
  for (const PassPrice& p : passes) total += p.events;
  return total;
}

/// Line through the counts of micro-batches of 1 and of n samples.
void fit_line(const EventCounts& one, const EventCounts& full, int n, EventCounts& per_micro_batch,
              EventCounts& per_sample) {
  if (n == 1) {
    per_sample = one;
    return;
  }
  per_sample = full;
  per_sample += scaled(one, -1);
  per_sample = scaled(per_sample, 1.0 / (n - 1));
  per_micro_batch = one;
  per_micro_batch += scaled(per_sample, -1);
}

StageCost forward_alone(const StageCost& cost) {
  StageCost alone;
  alone.forward = cost.forward;
  return alone;
}

}  // namespace

PlanScope plan_scope(const HardwareSpec& hardware, const Network& network, const TrainSpec& train,
                     const MicroBatchPlan& micro_batches, const Schedule& schedule,
                     const Partition* partition) {
  PlanScope scope;
  scope.hardware = &hardware;
  scope.network = &network;
  scope.partition = partition;
  scope.train = train;
  scope.micro_batch_samples = micro_batches.micro_batch_size();
  scope.micro_batches_per_update =
      micro_batches.micro_batches() > 0 ? micro_batches.at(0).batch_end : 1;
  scope.splits_backward = schedule.splits_backward();
  scope.turnaround = schedule.turnaround();
  scope.forward_only = schedule.forward_only();
  if (schedule.cores() > 0) scope.chunked = &schedule;
  return scope;
}

PricingContext pricing_context(const PlanScope& scope, const Service& service) {
  PricingContext c;
  c.core = &scope.hardware->cores.at(static_cast<std::size_t>(service.group));
  c.cores = service.cores;
  c.elements = scope.hardware->elements;
  c.clock_mhz = scope.hardware->clock_mhz;
  c.update = update_work(scope.train);
  c.accumulates = scope.micro_batches_per_update > 1;
  const InterconnectSpec& net = scope.hardware->interconnect;
  c.region.present = net.kind != InterconnectKind::ideal;
  c.region.bytes_per_cycle = net.link_bytes_per_cycle;
  const MappingSpec& mapping = scope.hardware->mapping;
  if (mapping.kind == MappingKind::rectangle) c.region.bounds = {mapping.rows, mapping.columns};
  return c;
}

OpCost beside(const OpCost& a, const OpCost& b) {
  OpCost both = a.cycles >= b.cycles ? a : b;
  both.macs = a.macs + b.macs;
  both.region_bytes = a.region_bytes + b.region_bytes;
  both.region_busy_cycles = std::max(a.region_busy_cycles, b.region_busy_cycles);
  return both;
}

OpCost after(const OpCost& a, const OpCost& b) {
  OpCost both = a;
  both.compute_cycles += b.compute_cycles;
  both.cycles += b.cycles;
  both.macs += b.macs;
  both.interconnect_cycles += b.interconnect_cycles;
  both.region_busy_cycles += b.region_busy_cycles;
  both.region_bytes += b.region_bytes;
  return both;
}

void finish_cost(StageCost& cost, const CoreSpec& forward, const CoreSpec& backward, bool split) {
  const auto overhead = [](OpCost& op, const CoreSpec& core) {
    op.cycles += core.operation_overhead;
    op.compute_cycles += core.operation_overhead;
  };
  if (cost.concurrent) {
    cost.input_gradient_busy = cost.backward.cycles;
    cost.weight_gradient_busy = cost.weight_gradient.cycles;
    if (!split) {
      cost.backward = beside(cost.backward, cost.weight_gradient);
      cost.weight_gradient = {};
    }
  }
  cost.backward = after(cost.recompute, cost.backward);
  overhead(cost.forward, forward);
  overhead(cost.backward, backward);
  if (split) overhead(cost.weight_gradient, backward);
  if (cost.update.cycles > 0) overhead(cost.update, backward);
}

StageCost price_stage(const PlanScope& scope, int stage, const Service& forward,
                      const Service& backward, int samples) {
  const PricingContext f = pricing_context(scope, forward);
  const PricingContext b = pricing_context(scope, backward);
  const StagePasses passes = passes_of(scope, stage, f, b, samples);
  const StageSpec& spec = (*scope.partition)[static_cast<std::size_t>(stage)];
  const auto operation_cost = [&](const std::vector<PassPrice>& all, const CoreSpec& core,
                                  Cycles fixed) {
    return cost_of_operation(spec, all, core, fixed);
  };
  StageCost cost;
  cost.forward = operation_cost(passes.forward, *f.core, f.core->fixed.forward_cycles);
  if (scope.forward_only) {
    if (!spec.free_loss) finish_cost(cost, *f.core, *b.core, false);
    return forward_alone(cost);
  }
  if (spec.recomputes)
    cost.recompute = operation_cost(passes.recompute, *b.core, b.core->fixed.forward_cycles);
  const FixedCore& fixed = b.core->fixed;
  const Cycles apart = scope.splits_backward ? fixed.weight_gradient_cycles() : 0;
  cost.backward = operation_cost(passes.backward, *b.core, fixed.backward_cycles - apart);
  cost.weight_gradient = operation_cost(passes.weight_gradient, *b.core, apart);
  cost.update = operation_cost(passes.update, *b.core, fixed.update_cycles);
  cost.concurrent = b.core->concurrent_passes.has_value();
  if (!spec.free_loss) finish_cost(cost, *f.core, *b.core, scope.splits_backward);
  return cost;
}

StageEvents stage_events(const PlanScope& scope, int stage, const Service& forward,
                         const Service& backward) {
  const PricingContext f = pricing_context(scope, forward);
  const PricingContext b = pricing_context(scope, backward);
  const int n = scope.micro_batch_samples;
  const StagePasses one = passes_of(scope, stage, f, b, 1);
  const StagePasses full = n == 1 ? one : passes_of(scope, stage, f, b, n);
  StageEvents events;
  fit_line(sum(one.forward), sum(full.forward), n, events.forward_per_micro_batch,
           events.forward_per_sample);
  const auto gradients = [](const StagePasses& passes) {
    EventCounts all = sum(passes.recompute);
    all += sum(passes.backward);
    return all += sum(passes.weight_gradient);
  };
  fit_line(gradients(one), gradients(full), n, events.backward_per_micro_batch,
           events.backward_per_sample);
  events.update = sum(one.update);
  return events;
}

LayerCost price_layer(const PlanScope& scope, int layer, const Service& forward,
                      const Service& backward) {
  const PricingContext f = pricing_context(scope, forward);
  const PricingContext b = pricing_context(scope, backward);
  const LayerNode& node = scope.network->layers[static_cast<std::size_t>(layer)];
  const int n = scope.micro_batch_samples;
  const LayerPassCost down = cost_of(price_pass(node, LayerPass::forward, f, n));
  if (scope.forward_only) return {down, {}, {}, {}, n};
  LayerCost cost = {down, cost_of(price_pass(node, LayerPass::input_gradient, b, n)),
                    cost_of(price_pass(node, LayerPass::weight_gradient, b, n)),
                    cost_of({price_update(node, b)}), n};
  const auto holds = [layer](const StageSpec& s) {
    return s.first_layer <= layer && layer < s.end_layer;
  };
  if (std::find_if(scope.partition->begin(), scope.partition->end(), holds)->recomputes)
    cost.recompute = cost_of(price_pass(node, LayerPass::forward, b, n));
  return cost;
}

LayerCost price_loss_layer(const PlanScope& scope, const Service& forward,
                           const Service& backward) {
  const std::int64_t outputs = scope.network->output().elements();
  const int n = scope.micro_batch_samples;
  if (scope.partition->back().free_loss || scope.forward_only) return {{}, {}, {}, {}, n};
  return {cost_of({price_loss(outputs, false, pricing_context(scope, forward), n)}),
          cost_of({price_loss(outputs, true, pricing_context(scope, backward), n)}),
          {},
          {},
          n};
}

double stage_load(const PlanScope& scope, const StageCost& cost, bool split) {
  const double forward = static_cast<double>(cost.forward.cycles);
  const double backward =
      static_cast<double>(cost.backward_cycles()) +
      static_cast<double>(cost.update.cycles) / static_cast<double>(scope.micro_batches_per_update);
  return split || cost.concurrent ? std::max(forward, backward) : forward + backward;
}

bool stores_weight_gradient(const LayerNode& node, const PricingContext& c) {
  if (!c.core->fused_update || c.accumulates) return true;
  if (c.core->kind != CoreKind::resident) return false;
  // Accumulators over the pixels, unless one register holds the only one.
  const std::vector<MatrixProduct> products = work_of(node).products;
  return std::any_of(products.begin(), products.end(), [&](const MatrixProduct& p) {
    return p.pass() == LayerPass::weight_gradient && resident_meetings(p) > 1 &&
           resident_share(resident_elements(p), c.core->resident, c.cores) > 1;
  });
}

}  // namespace stagecoach
