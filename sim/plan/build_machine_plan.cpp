// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/build_machine_plan.h"

#include <algorithm>
#include <cmath>

#include "models/base/error.h"
#include "sim/plan/core_copies.h"
#include "sim/plan/dram_traffic.h"
#include "sim/plan/held_values.h"
#include "sim/plan/placement.h"
#include "sim/plan/run_length.h"
#include "sim/plan/streamed_stage.h"

namespace stagecoach {

namespace {

void add_messages(const PlanScope& scope, MachinePlan& plan) {
  const ElementSpec& e = scope.hardware->elements;
  for (std::size_t to = 0; to < scope.partition->size(); ++to) {
    for (const StageInput& input : (*scope.partition)[to].inputs) {
      const double count = static_cast<double>(scope.network->shape_of(input.value).elements());
      if (input.producer_stage < 0) {
        plan.stages[to].input_bytes_per_sample += whole_bytes(count, e.activations_bytes);
        continue;
      }
      const auto from = static_cast<std::size_t>(input.producer_stage);
      plan.stages[from].forward_messages.push_back(
          {static_cast<int>(to), input.value, whole_bytes(count, e.activations_bytes)});
      if (scope.forward_only) continue;
      plan.stages[to].backward_messages.push_back(
          {static_cast<int>(from), input.value, whole_bytes(count, e.gradients_bytes)});
    }
  }
  for (StagePlan& s : plan.stages) {
    std::stable_sort(s.forward_messages.begin(), s.forward_messages.end(),
                     [](const Message& a, const Message& b) { return a.to_stage < b.to_stage; });
    std::stable_sort(s.backward_messages.begin(), s.backward_messages.end(),
                     [](const Message& a, const Message& b) { return a.to_stage > b.to_stage; });
  }
}

StagePlan priced_stage(const PlanScope& scope, const Mapping& mapping, int k,
                       const MemoryNeeds& needs) {
  const Service& forward = mapping.forward(k);
  const Service& backward = mapping.backward(k);
  StagePlan s;
  s.name = (*scope.partition)[static_cast<std::size_t>(k)].name;
  s.forward_core = mapping.stages[static_cast<std::size_t>(k)].forward_unit;
  s.backward_core = mapping.stages[static_cast<std::size_t>(k)].backward_unit;
  for (int n = 1; n <= scope.micro_batch_samples; ++n) {
    s.cost.push_back(price_stage(scope, k, forward, backward, n));
  }
  s.events = stage_events(scope, k, forward, backward);
  const CoreSpec& updater = scope.hardware->cores[static_cast<std::size_t>(backward.group)];
  if (updater.updates_in_passing() && scope.micro_batches_per_update == 1 && !scope.forward_only)
    s.first_write_after = updater.mac.latency_cycles;
  s.weights_bytes = needs.weights_bytes;
  s.optimizer_bytes = needs.optimizer_bytes;
  s.predicted_bytes = needs.predicted_bytes;
  s.version_bytes = needs.version_bytes;
  s.activation_bytes_per_sample = needs.held_bytes_per_sample;
  s.recomputed_bytes_per_sample = needs.recomputed_bytes_per_sample;
  s.gradient_bytes_per_sample = needs.gradient_bytes_per_sample;
  s.weight_gradient_bytes = needs.weight_gradient_bytes;
  return s;
}

void add_spill(const PlanScope& scope, StagePlan& s, const MemoryNeeds& needs, const Fit& fit,
               std::int64_t sharers) {
  s.dram = dram_traffic(needs, fit);
  for (std::size_t n = 1; n <= s.cost.size(); ++n) {
    charge_dram(*scope.hardware, s.dram, static_cast<std::int64_t>(n), sharers, s.cost[n - 1]);
  }
}

/// Inference of stages whose core does not hold them: layer by layer from DRAM.
void stream_pool(const PlanScope& scope, const Mapping& mapping, const std::vector<int>& stages,
                 std::int64_t sharers, MachinePlan& plan) {
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const int k = stages[i];
    StagePlan& s = plan.stages[static_cast<std::size_t>(k)];
    // Loads run ahead from one stage of the core into the next, not past another core's.
    const StreamEnds ends{i == 0 || stages[i - 1] != k - 1,
                          i + 1 == stages.size() || stages[i + 1] != k + 1};
    const auto streamed = [&](std::size_t samples) {
      return streamed_stage(scope, k, mapping.forward(k), static_cast<std::int64_t>(samples),
                            sharers, ends, s.cost[samples - 1].forward);
    };
    StreamedStage done;
    const Bytes one = streamed(1).dram_bytes;
    for (std::size_t n = 1; n <= s.cost.size(); ++n) {
      done = streamed(n);
      s.cost[n - 1].forward = done.forward;
    }
    // Weights come once for a micro-batch: what more samples move beside them is theirs.
    const auto most = static_cast<std::int64_t>(s.cost.size());
    const Bytes per_sample = most > 1 ? (done.dram_bytes - one) / (most - 1) : one;
    s.dram.forward = {most > 1 ? one - per_sample : 0, per_sample};
    const int first = (*scope.partition)[static_cast<std::size_t>(k)].first_layer;
    for (std::size_t l = 0; l < done.layers.size(); ++l)
      plan.layers[static_cast<std::size_t>(first) + l].forward = done.layers[l];
  }
}

/// Beside concurrent datapaths the forward's works on the next micro-batch while a backward runs.
void check_recompute(const PlanScope& scope, const Mapping& mapping) {
  if (scope.forward_only) return;
  for (std::size_t k = 0; k < scope.partition->size(); ++k) {
    const StageSpec& stage = (*scope.partition)[k];
    const Service& service = mapping.backward(static_cast<int>(k));
    const CoreSpec& core = scope.hardware->cores[static_cast<std::size_t>(service.group)];
    if (!stage.recomputes || !core.concurrent_passes) continue;
    throw UserError(
        "/pipeline/recompute: found stage \"" + stage.name + "\" on core \"" + core.name +
        "\", which has concurrent_passes: its forward datapath works on the next micro-batch "
        "during a backward, and cannot recompute a forward; allowed there: \"none\"");
  }
}

struct Deficit {
  bool weight_side = true;
  Bytes bytes = 0;
  bool allowed = false;  ///< by the memory policy
};

/// Says what is too much, by how many bytes, and what comes of it.
std::string explain(const HardwareSpec& hw, const CoreSpec& core, const std::string& stages,
                    const Deficit& deficit) {
  const char* buffer = core.unified()        ? "buffer"
                       : deficit.weight_side ? "weight_buffer"
                                             : "activation_buffer";
  std::string text = "stage " + stages + ": " +
                     (deficit.weight_side ? "weights and their state" : "activations in flight") +
                     " exceed the " + buffer + " of core \"" + core.name + "\" by " +
                     to_string(deficit.bytes) + " bytes";
  if (!deficit.allowed) return text;
  return text + (hw.memory_policy == MemoryPolicy::spill ? "; these go to DRAM"
                                                         : "; fewer samples are in flight");
}

struct PoolPlan {
  std::vector<int> stages;
  int units = 1;  ///< that may transfer at once
  std::vector<MemoryNeeds> needs;
  Pool pool;
  Fit fit;
};

std::vector<PoolPlan> make_pools(const PlanScope& scope, const Mapping& mapping,
                                 const std::vector<MemoryNeeds>& needs) {
  std::vector<PoolPlan> pools(mapping.units.size());
  for (std::size_t k = 0; k < needs.size(); ++k) {
    const StageMapping& at = mapping.stages[k];
    PoolPlan& p = pools[static_cast<std::size_t>(at.forward_unit)];
    p.stages.push_back(static_cast<int>(k));
    p.needs.push_back(needs[k]);
    const Service& s = mapping.forward(static_cast<int>(k));
    std::int64_t cores = s.cores;
    if (at.backward_unit != at.forward_unit) {
      cores += mapping.backward(static_cast<int>(k)).cores;
      p.units = 2;
    }
    p.pool = pool_of(scope.hardware->cores[static_cast<std::size_t>(s.group)], cores);
  }
  pools.erase(std::remove_if(pools.begin(), pools.end(),
                             [](const PoolPlan& p) { return p.stages.empty(); }),
              pools.end());
  for (PoolPlan& p : pools) p.fit = fit_pool(p.pool, p.needs, scope.hardware->memory_policy);
  return pools;
}

void report_pool(const PlanScope& scope, const Mapping& mapping, const PoolPlan& p,
                 PlanReport& report) {
  const HardwareSpec& hw = *scope.hardware;
  const Service& s = mapping.forward(p.stages[0]);
  const CoreSpec& core = hw.cores[static_cast<std::size_t>(s.group)];
  const auto quoted = [&](int k) {
    return "\"" + (*scope.partition)[static_cast<std::size_t>(k)].name + "\"";
  };
  const auto count = static_cast<int>(p.stages.size());
  const bool neighbours = p.stages.back() - p.stages.front() + 1 == count;
  std::string names = quoted(p.stages.front());
  if (count > 1 && neighbours) {
    names += " to " + quoted(p.stages.back()) + " (" + std::to_string(count) + " stages)";
  }
  for (int i = 1; i < count && !neighbours; ++i)
    names += ", " + quoted(p.stages[static_cast<std::size_t>(i)]);
  const auto tell = [&](bool weight_side, Bytes deficit, bool allowed) {
    if (deficit == 0) return;
    (allowed ? report.notes : report.problems)
        .push_back(explain(hw, core, names, {weight_side, deficit, allowed}));
  };
  const bool spills = hw.memory_policy == MemoryPolicy::spill;
  tell(true, p.fit.weight_deficit_bytes, spills);
  bool one_fits = true;
  for (std::int64_t n : p.fit.capacity_micro_batches) one_fits = one_fits && n >= 1;
  tell(false, p.fit.activation_deficit_bytes,
       spills || (hw.memory_policy == MemoryPolicy::stall && one_fits));
}

bool streams(const PlanScope& scope, const Mapping& mapping, const PoolPlan& p) {
  const Service& s = mapping.forward(p.stages[0]);
  return scope.forward_only &&
         scope.hardware->cores[static_cast<std::size_t>(s.group)].pieces.has_value();
}

bool moves_through_dram(const PlanScope& scope, const Mapping& mapping, const PoolPlan& p) {
  return p.fit.weight_spill > 0 || p.fit.activation_spill > 0 || streams(scope, mapping, p);
}

void apply_memory(const PlanScope& scope, const Mapping& mapping,
                  const std::vector<MemoryNeeds>& needs, MachinePlan& plan, PlanReport& report) {
  const std::vector<PoolPlan> pools = make_pools(scope, mapping, needs);
  std::int64_t sharers = 0;
  for (const PoolPlan& p : pools) {
    if (moves_through_dram(scope, mapping, p)) {
      sharers += p.units;  // stages that share a core never transfer at once
    }
  }
  if (sharers > 0 && !scope.hardware->dram) {
    report.problems.push_back("memory_policy is \"spill\" and the file has no \"dram\"");
  }
  report.stages.resize(needs.size());
  for (const PoolPlan& p : pools) {
    report_pool(scope, mapping, p, report);
    for (std::size_t i = 0; i < p.stages.size(); ++i) {
      const auto k = static_cast<std::size_t>(p.stages[i]);
      StagePlan& s = plan.stages[k];
      s.capacity_bytes = p.pool.total();
      s.capacity_micro_batches = std::max<std::int64_t>(1, p.fit.capacity_micro_batches[i]);
      if (sharers > 0 && !scope.forward_only) add_spill(scope, s, p.needs[i], p.fit, sharers);
      report.stages[k] = {s.name, p.needs[i], s.capacity_bytes, s.capacity_micro_batches,
                          p.fit.weight_deficit_bytes == 0 && p.fit.activation_deficit_bytes == 0};
    }
    if (scope.forward_only && moves_through_dram(scope, mapping, p))
      stream_pool(scope, mapping, p.stages, sharers, plan);
  }
}

}  // namespace

std::vector<StageSlots> slots_of(const Schedule& schedule, int stages,
                                 const MicroBatchPlan& micro_batches) {
  std::vector<StageSlots> slots;
  for (int k = 0; k < stages; ++k) {
    StageSlots s;
    s.activation_micro_batches =
        std::min<std::int64_t>(schedule.activations_in_flight(k), micro_batches.micro_batches());
    s.versions = std::max(1, schedule.versions_kept(k));
    if (schedule.max_in_flight(k) != Schedule::kUnlimited) s.in_flight = schedule.max_in_flight(k);
    slots.push_back(s);
  }
  return slots;
}

std::string problems_text(const std::vector<std::string>& problems) {
  std::string text = "the network does not fit the hardware:";
  for (const std::string& p : problems) text += "\n  " + p;
  return text;
}

PlannedMachine build_machine_plan(const HardwareSpec& hardware, const Network& network,
                                  const Partition& partition, const MicroBatchPlan& micro_batches,
                                  const Schedule& schedule, const TrainSpec& train,
                                  FitCheck check) {
  const PlanScope scope = plan_scope(hardware, network, train, micro_batches, schedule, &partition);
  const int stages = static_cast<int>(partition.size());
  const std::vector<StageSlots> slots = slots_of(schedule, stages, micro_batches);
  const Mapping mapping = make_mapping(scope, slots);
  check_recompute(scope, mapping);

  PlannedMachine machine;
  MachinePlan& plan = machine.plan;
  plan.clock_mhz = hardware.clock_mhz;
  plan.input_queue_micro_batches = hardware.input_queue_micro_batches;
  plan.forward_only = schedule.forward_only();
  plan.splits_backward = schedule.splits_backward();
  plan.cores = place_cores(hardware, mapping);
  plan.host = plan_host(hardware);
  std::vector<MemoryNeeds> needs;
  for (int k = 0; k < stages; ++k) {
    needs.push_back(
        memory_needs(scope, k, mapping.backward(k), slots[static_cast<std::size_t>(k)]));
    plan.stages.push_back(priced_stage(scope, mapping, k, needs.back()));
  }
  const std::vector<int> stage_of = stage_of_layers(network, partition);
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    plan.layers.push_back(price_layer(scope, static_cast<int>(l), mapping.forward(stage_of[l]),
                                      mapping.backward(stage_of[l])));
  }
  plan.loss = price_loss_layer(scope, mapping.forward(stages - 1), mapping.backward(stages - 1));
  add_messages(scope, plan);
  plan.interconnect = plan_interconnect(hardware, mapping);
  apply_memory(scope, mapping, needs, plan, machine.report);
  const auto moves = [](const StagePlan& s) { return s.dram.total(1, 1, 1) > Bytes{0}; };
  if (std::any_of(plan.stages.begin(), plan.stages.end(), moves))
    plan.dram = plan_dram(hardware, plan.forward_only);
  charge_copies(plan);
  if (check == FitCheck::enforce && !machine.report.problems.empty()) {
    throw UserError(problems_text(machine.report.problems));
  }
  const std::string too_long = run_too_long(plan, micro_batches);
  if (!too_long.empty()) throw UserError(too_long);
  machine.report.balance = balance_report(scope, mapping, slots, plan);
  return machine;
}

}  // namespace stagecoach
