// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/plan_report.h"

#include <algorithm>

#include "sim/plan/placement.h"

namespace stagecoach {

namespace {

/// Cycles per packet of every unit: the sum over the operations that run on it.
std::vector<double> unit_loads(const PlanScope& scope, const MachinePlan& plan) {
  std::vector<double> loads(plan.cores.size(), 0);
  for (const StagePlan& s : plan.stages) {
    const StageCost& cost = s.cost.back();
    loads[static_cast<std::size_t>(s.forward_core)] += static_cast<double>(cost.forward.cycles);
    loads[static_cast<std::size_t>(s.backward_core)] +=
        static_cast<double>(cost.backward.cycles) +
        static_cast<double>(cost.update.cycles) / static_cast<double>(scope.packets_per_update);
  }
  return loads;
}

std::string stages_on(const MachinePlan& plan, int unit) {
  std::vector<std::string> names;
  for (const StagePlan& s : plan.stages) {
    if (s.forward_core != unit && s.backward_core != unit) continue;
    const bool both = s.forward_core == s.backward_core;
    names.push_back(s.name + (both ? "" : s.forward_core == unit ? " forward" : " backward"));
  }
  if (names.size() == 1) return "stage " + names[0];
  return std::to_string(names.size()) + " stages from " + names.front() + " to " + names.back();
}

void add_link_limits(const PlanScope& scope, const MachinePlan& plan,
                     std::vector<RateLimit>& limits) {
  const double width = plan.interconnect.link_bytes_per_cycle;
  const bool bus = plan.interconnect.kind == InterconnectKind::bus;
  if (width > 0) {
    double all = 0;
    for (const StagePlan& s : plan.stages) {
      const CorePlan& here = plan.cores[static_cast<std::size_t>(s.forward_core)];
      for (const auto* messages : {&s.forward_messages, &s.backward_messages}) {
        for (const Message& m : *messages) {
          const StagePlan& other = plan.stages[static_cast<std::size_t>(m.to_stage)];
          const CorePlan& there = plan.cores[static_cast<std::size_t>(other.forward_core)];
          const double links = bus ? 1 : links_between(here, there);
          const double cycles =
              static_cast<double>(m.bytes_per_sample) * scope.packet_samples / (width * links);
          all += cycles;
          limits.push_back({"link " + s.name + " -> " + other.name, cycles});
        }
      }
    }
    if (bus) limits.push_back({"bus", all});
  }
  if (plan.host.bytes_per_cycle > 0) {
    double bytes = 0;
    for (const StagePlan& s : plan.stages) bytes += static_cast<double>(s.input_bytes_per_sample);
    limits.push_back({"host", bytes * scope.packet_samples / plan.host.bytes_per_cycle});
    const auto out = static_cast<double>(output_bytes(*scope.network, scope.hardware->elements));
    limits.push_back({"host output", out * scope.packet_samples / plan.host.bytes_per_cycle});
  }
}

/// The slowest unit when the stages are shared out over one core more.
std::optional<double> with_one_more_core(const PlanScope& scope, const Mapping& mapping,
                                         const std::vector<StageSlots>& slots,
                                         const std::vector<double>& loads, int slowest) {
  const int stages = static_cast<int>(scope.partition->size());
  const auto load = [&](const Mapping& m, int k) {
    return stage_load(scope,
                      price_stage(scope, k, m.forward(k), m.backward(k), scope.packet_samples),
                      m.split && k + 1 < stages);
  };
  double worst = 0;
  if (scope.hardware->mapping.kind == MappingKind::balanced) {
    const Mapping more = make_mapping(scope, slots, 1);
    for (int k = 0; k < stages; ++k) worst = std::max(worst, load(more, k));
    return worst;
  }
  if (mapping.units.size() < mapping.stages.size() || mapping.split) return std::nullopt;
  Mapping more = mapping;
  Service& service = more.units[static_cast<std::size_t>(slowest)].service;
  const CoreSpec& core = scope.hardware->cores[static_cast<std::size_t>(service.group)];
  if (core.kind == CoreKind::fixed) return std::nullopt;
  ++service.cores;
  for (int k = 0; k < stages; ++k) {
    const int unit = more.stages[static_cast<std::size_t>(k)].forward_unit;
    worst =
        std::max(worst, unit == slowest ? load(more, k) : loads[static_cast<std::size_t>(unit)]);
  }
  return worst;
}

}  // namespace

BalanceReport balance_report(const PlanScope& scope, const Mapping& mapping,
                             const std::vector<StageSlots>& slots, const MachinePlan& plan) {
  BalanceReport report;
  const std::vector<double> loads = unit_loads(scope, plan);
  double sum = 0;
  int slowest = 0;
  for (std::size_t u = 0; u < loads.size(); ++u) {
    const int unit = static_cast<int>(u);
    report.limits.push_back({plan.cores[u].name + " (" + stages_on(plan, unit) + ")", loads[u]});
    sum += loads[u];
    if (loads[u] > loads[static_cast<std::size_t>(slowest)]) slowest = unit;
  }
  const double largest = loads.empty() ? 0 : loads[static_cast<std::size_t>(slowest)];
  report.mean_load = largest > 0 ? sum / static_cast<double>(loads.size()) / largest : 0;
  add_link_limits(scope, plan, report.limits);
  std::stable_sort(report.limits.begin(), report.limits.end(),
                   [](const RateLimit& a, const RateLimit& b) {
                     return a.cycles_per_packet > b.cycles_per_packet;
                   });
  if (!loads.empty()) {
    report.with_one_more_core = with_one_more_core(scope, mapping, slots, loads, slowest);
  }
  return report;
}

}  // namespace stagecoach
