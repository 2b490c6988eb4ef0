// SPDX-License-Identifier: Apache-2.0
#include "sim/app/limit_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sim/app/simulated_rate.h"
#include "sim/plan/what_if.h"
#include "sim/stats/number_text.h"
#include "sim/stats/text_table.h"

namespace stagecoach {
namespace {

/// "-12.3 %" of a change from one number of cycles to another.
std::string change_text(double from, double to) {
  char text[64];
  std::snprintf(text, sizeof text, "%+.1f %%", from > 0 ? 100 * (to - from) / from : 0.0);
  return text;
}

/// One pass of one layer on the core that limits.
struct Part {
  std::string name;
  LayerPassCost cost;
};

std::vector<Part> parts_of_core(const Job& job, int core) {
  const MachinePlan& plan = job.machine->plan;
  const Network& network = job.workload.network;
  const std::vector<int> stage_of = stage_of_layers(network, job.workload.stages);
  std::vector<Part> parts;
  for (std::size_t l = 0; l < plan.layers.size(); ++l) {
    const StagePlan& stage = plan.stages[static_cast<std::size_t>(stage_of[l])];
    const LayerCost& cost = plan.layers[l];
    const std::string& name = network.layers[l].spec.name;
    if (stage.forward_core == core) parts.push_back({name + " forward", cost.forward});
    if (stage.backward_core != core) continue;
    parts.push_back({name + " input gradient", cost.input_gradient});
    parts.push_back({name + " weight gradient", cost.weight_gradient});
    parts.push_back({name + " update", cost.update});
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.cost.cycles > b.cost.cycles; });
  return parts;
}

/// Cycles of a core by operation, how many of them memory adds, and the largest passes.
std::string core_text(const Job& job, int core) {
  const MachinePlan& plan = job.machine->plan;
  OpCost forward, backward, update;
  const auto add = [](OpCost& sum, const OpCost& cost) {
    sum.cycles += cost.cycles;
    sum.compute_cycles += cost.compute_cycles;
    sum.interconnect_cycles += cost.interconnect_cycles;
  };
  for (const StagePlan& s : plan.stages) {
    const StageCost& cost = s.cost.back();
    if (s.forward_core == core) add(forward, cost.forward);
    if (s.backward_core != core) continue;
    add(backward, cost.backward), add(backward, cost.weight_gradient), add(update, cost.update);
  }
  const Cycles links =
      forward.interconnect_cycles + backward.interconnect_cycles + update.interconnect_cycles;
  const Cycles memory = forward.cycles + backward.cycles + update.cycles - forward.compute_cycles -
                        backward.compute_cycles - update.compute_cycles - links;
  std::string text =
      wrapped("  It spends " + with_separators(forward.cycles) + " on forward, " +
                  with_separators(backward.cycles) + " on backward, " +
                  with_separators(update.cycles) + " on an update; " + with_separators(memory) +
                  " of these wait for buffer ports or DRAM, " + with_separators(links) +
                  " for the links between its cores.",
              2) +
      "\n";
  const std::vector<Part> parts = parts_of_core(job, core);
  std::string list;
  for (std::size_t i = 0; i < parts.size() && i < 4 && parts[i].cost.cycles > 0; ++i) {
    const LayerPassCost& c = parts[i].cost;
    list += (i > 0 ? ", " : "") + parts[i].name + " " + with_separators(c.cycles) +
            (c.cycles == c.compute_cycles  ? ""
             : c.memory_cycles == c.cycles ? " (ports)"
                                           : " (links)");
  }
  if (!list.empty()) text += wrapped("  Largest, per micro-batch: " + list + ".", 2) + "\n";
  return text;
}

/// Half of the last digit shown: below, operations have met in another phase.
constexpr double kSame = 0.0005;

std::string what_if_table(const std::vector<WhatIf>& answers, double now) {
  TextTable table({{"field", true}, {"change", true}, {"cycles", false}, {"", false}});
  std::string unchanged, cautions;
  for (const WhatIf& w : answers) {
    const bool same = std::abs(w.cycles_per_micro_batch - now) <= kSame * now;
    if (same && w.caution.empty()) {
      unchanged += (unchanged.empty() ? "" : ", ") + w.field;
      continue;
    }
    table.add_row({w.field, w.step, with_decimals(w.cycles_per_micro_batch, 1),
                   change_text(now, w.cycles_per_micro_batch)});
    if (!w.caution.empty()) cautions += wrapped("  " + w.field + ": " + w.caution + ".", 4) + "\n";
  }
  std::string text = table.text() + cautions;
  if (!unchanged.empty()) text += wrapped("No effect: " + unchanged + ".", 2) + "\n";
  return text;
}

/// The run as it is and with one field better, each cut, mapped and simulated anew.
std::string what_if_text(const Job& job) {
  const RunToPlan run = run_to_plan(job);
  const auto beginning = beginning_of(run);
  const RateOf rate = [&](const PlannedRun& planned) {
    return beginning ? simulated_rate(planned, run, *beginning)
                     : planned.machine.report.balance.cycles_per_micro_batch();
  };
  const double now = rate(plan_run(job.hardware, run, FitCheck::report));
  const std::string how =
      beginning ? "Simulated, the first " + with_separators(beginning->micro_batches()) +
                      " micro-batches: one every " + with_decimals(now, 1) + " cycles. "
                : "";
  return "\n" +
         wrapped(how +
                     "One field twice as good or switched on, the others as they are: cycles per "
                     "micro-batch" +
                     (beginning ? "" : ", at best"),
                 0) +
         "\n" + what_if_table(what_if(job.hardware, run, rate), now);
}

}  // namespace

std::string limit_report(const Job& job) {
  const BalanceReport& balance = job.machine->report.balance;
  if (balance.limits.empty()) return "";
  const RateLimit& first = balance.limits.front();
  const double now = balance.cycles_per_micro_batch();
  std::string text = "\n" +
                     wrapped("Steady rate: at best one micro-batch every " + with_decimals(now, 1) +
                                 " cycles, set by " + first.name + ".",
                             2) +
                     "\n";
  if (first.kind == LimitKind::core) text += core_text(job, first.core);
  text += wrapped("Mean load of the cores: " + with_decimals(100 * balance.mean_load, 1) +
                      " % of the slowest; cores in use: " +
                      with_separators(cores_in_use(job.machine->plan)) + ".",
                  2) +
          "\n";
  for (std::size_t i = 1; i < balance.limits.size() && i < 4; ++i) {
    text += wrapped("Next limit: " + balance.limits[i].name + ", " +
                        with_decimals(balance.limits[i].cycles_per_micro_batch, 1) + " cycles.",
                    2) +
            "\n";
  }
  if (balance.with_one_more_core) {
    text += "One more core would bring it to " + with_decimals(*balance.with_one_more_core, 1) +
            " cycles per micro-batch.\n";
  }
  return job.machine->report.problems.empty() ? text + what_if_text(job) : text;
}

}  // namespace stagecoach
