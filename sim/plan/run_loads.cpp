// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/run_loads.h"

#include "sim/plan/dram_traffic.h"

namespace stagecoach {

PrefixSums prefix_sums(const PlanScope& scope, const Service& service) {
  const PricingContext c = pricing_context(scope, service);
  const int samples = scope.micro_batch_samples;
  PrefixSums sums;
  const auto add = [](std::vector<PassSums>& all, const std::vector<PassPrice>& passes) {
    all.push_back(all.back());
    for (const PassPrice& p : passes) all.back() += p;
  };
  for (const LayerNode& node : scope.network->layers) {
    add(sums.forward, price_pass(node, LayerPass::forward, c, samples));
    std::vector<PassPrice> inputs = price_pass(node, LayerPass::input_gradient, c, samples);
    std::vector<PassPrice> weights = price_pass(node, LayerPass::weight_gradient, c, samples);
    if (!scope.splits_backward && !c.core->concurrent_passes) {
      inputs.insert(inputs.end(), weights.begin(), weights.end());
      weights.clear();
    }
    add(sums.backward, inputs);
    add(sums.weight_gradient, weights);
    add(sums.update, {price_update(node, c)});
  }
  const std::int64_t outputs = scope.network->output().elements();
  add(sums.forward, {price_loss(outputs, false, c, samples)});
  add(sums.backward, {price_loss(outputs, true, c, samples)});
  add(sums.weight_gradient, {});
  add(sums.update, {});
  return sums;
}

StageCost cost_of_run(const PlanScope& scope, const StageService& service,
                      const PrefixSums& forward, const PrefixSums& backward, int first, int end) {
  const auto without_loss = static_cast<std::size_t>(end);
  if (end == static_cast<int>(scope.network->layers.size())) ++end;
  const auto a = static_cast<std::size_t>(first), z = static_cast<std::size_t>(end);
  const auto core_of = [&scope](const Service& on) -> const CoreSpec& {
    return scope.hardware->cores[static_cast<std::size_t>(on.group)];
  };
  const auto cost_of = [&core_of](const PassSums& sums, const Service& on) {
    const CoreSpec& core = core_of(on);
    OpCost cost = sums.cost(core);
    if (core.kind == CoreKind::fixed) cost.cycles = cost.compute_cycles = sums.macs;
    return cost;
  };
  StageCost cost;
  cost.forward = cost_of(forward.forward[z] - forward.forward[a], service.forward);
  cost.backward = cost_of(backward.backward[z] - backward.backward[a], service.backward);
  cost.weight_gradient =
      cost_of(backward.weight_gradient[z] - backward.weight_gradient[a], service.backward);
  cost.update = cost_of(backward.update[z] - backward.update[a], service.backward);
  if (scope.recompute.kind == RecomputeKind::all)
    cost.recompute =
        cost_of(backward.forward[without_loss] - backward.forward[a], service.backward);
  cost.concurrent = core_of(service.backward).concurrent_passes.has_value();
  finish_cost(cost, core_of(service.forward), core_of(service.backward), scope.splits_backward);
  return cost;
}

std::pair<Partition, int> partition_around(const PlanScope& scope, int first, int end) {
  const Network& network = *scope.network;
  PartitionSpec spec;
  spec.kind = PartitionKind::cuts;
  spec.recompute = scope.recompute;
  for (const int cut : {first, end}) {
    if (cut > 0 && cut < static_cast<int>(network.layers.size()))
      spec.cuts.push_back(network.layers[static_cast<std::size_t>(cut - 1)].spec.name);
  }
  return {make_partition(network, spec), first > 0 ? 1 : 0};
}

RunLoads::RunLoads(const PlanScope& scope, int stages, SearchEffort* effort)
    : scope_(scope), effort_(effort), services_(services_before_cutting(scope, stages)) {
  for (const StageService& s : services_) {
    for (const Service& direction : {s.forward, s.backward}) {
      const auto key = std::make_pair(direction.group, direction.cores);
      if (!sums_.count(key)) sums_.emplace(key, prefix_sums(scope, direction));
    }
  }
}

void RunLoads::spill(std::vector<StageSlots> slots, std::int64_t sharers) {
  slots_ = std::move(slots);
  sharers_ = sharers;
}

double RunLoads::operator()(int k, int first, int end) const {
  spend(effort_, 1);
  const StageService& s = services_[static_cast<std::size_t>(k)];
  StageCost cost = cost_of_run(scope_, s, sums_.at({s.forward.group, s.forward.cores}),
                               sums_.at({s.backward.group, s.backward.cores}), first, end);
  if (sharers_ > 0) add_transfers(k, first, end, cost);
  return stage_load(scope_, cost, s.split);
}

bool RunLoads::as_before(int k) const {
  const auto numbers = [this](int stage) {
    const StageService& s = services_[static_cast<std::size_t>(stage)];
    return std::make_tuple(s.forward.group, s.forward.cores, s.backward.group, s.backward.cores,
                           s.split);
  };
  // With transfers, slots differ from stage to stage.
  return sharers_ == 0 && numbers(k) == numbers(k - 1);
}

double RunLoads::slack() const {
  // One more value in a buffer can change what else is read again from DRAM.
  return sharers_ > 0 ? 1.0 / 16 : 0;
}

void RunLoads::add_transfers(int k, int first, int end, StageCost& cost) const {
  const StageService& s = services_[static_cast<std::size_t>(k)];
  const StageSlots& slots = slots_[static_cast<std::size_t>(k)];
  const auto key = std::make_tuple(s.backward.group, s.backward.cores, first, end);
  auto known = needs_.find(key);
  if (known == needs_.end()) {
    spend(effort_, kLooksOfNeeds);
    const auto [parts, stage] = partition_around(scope_, first, end);
    PlanScope scope = scope_;
    scope.partition = &parts;
    known = needs_.emplace(key, memory_needs(scope, stage, s.backward, slots)).first;
  }
  MemoryNeeds needs = known->second;
  needs.activation_micro_batches = slots.activation_micro_batches;
  needs.stashed_bytes = needs.version_bytes * (slots.versions - 1);
  const CoreSpec& core = scope_.hardware->cores[static_cast<std::size_t>(s.forward.group)];
  const std::int64_t cores = s.forward.cores + (s.split ? s.backward.cores : 0);
  const Fit fit = fit_pool(pool_of(core, cores), {needs}, MemoryPolicy::spill);
  charge_dram(*scope_.hardware, dram_traffic(needs, fit), scope_.micro_batch_samples, sharers_,
              cost);
}

}  // namespace stagecoach
