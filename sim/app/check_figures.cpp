// SPDX-License-Identifier: Apache-2.0
#include "sim/app/check_figures.h"

#include <algorithm>

#include "sim/app/simulated_rate.h"

namespace stagecoach {
namespace {

std::string fit_word(const Job& job, std::size_t k) {
  if (job.machine->report.stages[k].fits) return "yes";
  if (job.machine->report.problems.empty()) {
    return job.hardware.memory_policy == MemoryPolicy::spill ? "spills" : "stalls";
  }
  return "NO";
}

std::vector<PassTime> passes_of(const Job& job, int core) {
  const MachinePlan& plan = job.machine->plan;
  const Network& network = job.workload.network;
  const std::vector<int> stage_of = stage_of_layers(network, job.workload.stages);
  std::vector<PassTime> passes;
  for (std::size_t l = 0; l < plan.layers.size(); ++l) {
    const StagePlan& stage = plan.stages[static_cast<std::size_t>(stage_of[l])];
    const LayerCost& cost = plan.layers[l];
    const std::string& name = network.layers[l].spec.name;
    if (stage.forward_core == core) passes.push_back({name, "forward", cost.forward});
    if (stage.backward_core != core) continue;
    passes.push_back({name, "forward again", cost.recompute});
    passes.push_back({name, "input gradient", cost.input_gradient});
    passes.push_back({name, "weight gradient", cost.weight_gradient});
    passes.push_back({name, "update", cost.update});
  }
  std::stable_sort(passes.begin(), passes.end(), [](const PassTime& a, const PassTime& b) {
    return a.cost.cycles > b.cost.cycles;
  });
  return passes;
}

}  // namespace

std::vector<StageCheck> stage_checks(const Job& job) {
  const MachinePlan& plan = job.machine->plan;
  std::vector<StageCheck> checks;
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    const int stage = static_cast<int>(k);
    const StagePlan& s = plan.stages[k];
    const StageCost& cost = s.cost.back();
    const Bytes versions = s.version_bytes * (job.schedule->versions_kept(stage) - 1);
    const std::int64_t samples =
        job.micro_batches->micro_batch_size() * job.schedule->activations_in_flight(stage);
    StageCheck check;
    check.name = s.name;
    check.core = plan.cores[s.forward_core].name;
    check.forward = cost.forward.cycles;
    check.backward = cost.backward_cycles();
    check.update = cost.update.cycles;
    check.staleness = job.schedule->delay(stage);
    check.weights_and_state = s.weights_bytes + s.optimizer_bytes + s.predicted_bytes + versions;
    const bool in_flight = plan.splits_backward;
    check.activations = s.activation_bytes_per_sample * samples +
                        s.recomputed_bytes_per_sample *
                            (in_flight ? samples : job.micro_batches->micro_batch_size());
    check.capacity = s.capacity_bytes;
    check.fit = fit_word(job, k);
    checks.push_back(check);
  }
  return checks;
}

CoreTime core_time(const Job& job, int core) {
  OpCost forward, backward, update;
  const auto add = [](OpCost& sum, const OpCost& cost) {
    sum.cycles += cost.cycles;
    sum.compute_cycles += cost.compute_cycles;
    sum.interconnect_cycles += cost.interconnect_cycles;
  };
  for (const StagePlan& s : job.machine->plan.stages) {
    const StageCost& cost = s.cost.back();
    if (s.forward_core == core) add(forward, cost.forward);
    if (s.backward_core != core) continue;
    add(backward, cost.backward), add(backward, cost.weight_gradient), add(update, cost.update);
  }
  CoreTime time;
  time.forward = forward.cycles, time.backward = backward.cycles, time.update = update.cycles;
  time.links =
      forward.interconnect_cycles + backward.interconnect_cycles + update.interconnect_cycles;
  time.memory = time.forward + time.backward + time.update - forward.compute_cycles -
                backward.compute_cycles - update.compute_cycles - time.links;
  time.passes = passes_of(job, core);
  return time;
}

WhatIfAnswers what_if_answers(const Job& job) {
  const RunToPlan run = run_to_plan(job);
  const auto beginning = beginning_of(run);
  const RateOf rate = [&](const PlannedRun& planned) {
    return beginning ? simulated_rate(planned, run, *beginning)
                     : planned.machine.report.balance.cycles_per_micro_batch();
  };
  return {rate(plan_run(job.hardware, run, FitCheck::report)),
          beginning ? beginning->micro_batches() : 0, what_if(job.hardware, run, rate)};
}

}  // namespace stagecoach
