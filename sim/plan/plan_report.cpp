// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/plan_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "models/base/rounding.h"
#include "sim/plan/placement.h"

namespace stagecoach {

namespace {

/// Cycles per micro-batch of every unit: the sum over the operations that run on it, or on the
/// busiest of its datapaths.
std::vector<double> unit_loads(const PlanScope& scope, const MachinePlan& plan) {
  std::vector<double> datapaths(plan.cores.size() * kDatapaths, 0);
  const auto add = [&](int core, StageOperation operation, double cycles) {
    const int d = datapath_of(plan, core, operation);
    datapaths[static_cast<std::size_t>(core * kDatapaths + d)] += cycles;
  };
  for (const StagePlan& s : plan.stages) {
    const StageCost& cost = s.cost.back();
    const double update = static_cast<double>(cost.update.cycles) /
                          static_cast<double>(scope.micro_batches_per_update);
    add(s.forward_core, StageOperation::forward, static_cast<double>(cost.forward.cycles));
    // The update stays with the operation before it.
    const double split = static_cast<double>(cost.weight_gradient.cycles);
    const bool apart = scope.splits_backward;
    add(s.backward_core, StageOperation::backward,
        static_cast<double>(cost.backward.cycles) + (apart ? 0 : update));
    if (apart) add(s.backward_core, StageOperation::weight_gradient, split + update);
  }
  std::vector<double> loads;
  for (std::size_t c = 0; c < plan.cores.size(); ++c) {
    const auto first = datapaths.begin() + static_cast<std::ptrdiff_t>(c * kDatapaths);
    loads.push_back(*std::max_element(first, first + kDatapaths));
  }
  return loads;
}

std::string stages_on(const MachinePlan& plan, int unit) {
  std::vector<std::string> names;
  bool neighbours = true;
  std::size_t last = 0;
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    const StagePlan& s = plan.stages[k];
    if (s.forward_core != unit && s.backward_core != unit) continue;
    neighbours = neighbours && (names.empty() || k == last + 1);
    last = k;
    const bool both = s.forward_core == s.backward_core;
    names.push_back(s.name + (both ? "" : s.forward_core == unit ? " forward" : " backward"));
  }
  if (names.size() == 1) return "stage " + names[0];
  if (neighbours)
    return std::to_string(names.size()) + " stages from " + names.front() + " to " + names.back();
  std::string text = "stages " + names.front();
  for (std::size_t i = 1; i < names.size(); ++i) text += ", " + names[i];
  return text;
}

/// Cycles of a full micro-batch's message on the links between two cores.
double transfer(const PlanScope& scope, const MachinePlan& plan, int from, int to,
                const Message& m) {
  const double width = plan.interconnect.link_bytes_per_cycle;
  if (width <= 0) return 0;
  const bool bus = plan.interconnect.kind == InterconnectKind::bus;
  const double links = bus ? 1
                           : links_between(plan.cores[static_cast<std::size_t>(from)],
                                           plan.cores[static_cast<std::size_t>(to)]);
  const double bytes = static_cast<double>(m.bytes_per_sample) * scope.micro_batch_samples;
  return rounded_ceil(bytes / (width * links));
}

/// Cycles per micro-batch of what crosses between two cores, and whose it is.
struct Traffic {
  std::string name;
  double cycles = 0;
};

/// By pair of cores (from, to), in the order of the stages; what stays on a core crosses nothing.
std::map<std::pair<int, int>, Traffic> traffic_of(const PlanScope& scope, const MachinePlan& plan) {
  std::map<std::pair<int, int>, Traffic> pairs;
  const auto add = [&](const StagePlan& from, int from_core, int StagePlan::*core,
                       const std::vector<Message>& messages) {
    for (const Message& m : messages) {
      const StagePlan& to = plan.stages[static_cast<std::size_t>(m.to_stage)];
      if (from_core == to.*core) continue;
      Traffic& t = pairs[{from_core, to.*core}];
      if (t.name.empty()) t.name = from.name + " -> " + to.name;
      t.cycles += transfer(scope, plan, from_core, to.*core, m);
    }
  };
  for (const StagePlan& s : plan.stages) {
    add(s, s.forward_core, &StagePlan::forward_core, s.forward_messages);
    add(s, s.backward_core, &StagePlan::backward_core, s.backward_messages);
  }
  return pairs;
}

/// Links in closed form: each pair of cores by itself; a crossbar's ports and a bus with all that
/// they carry. Where routes of a ring or a mesh share links, the simulation knows more.
void add_link_limits(const PlanScope& scope, const MachinePlan& plan,
                     std::vector<RateLimit>& limits) {
  // Where cores make the copies, these are in the cores' loads.
  if (plan.interconnect.link_bytes_per_cycle > 0 && !plan.interconnect.blocks_cores()) {
    double all = 0;
    std::map<int, double> out, in;
    for (const auto& [cores, traffic] : traffic_of(scope, plan)) {
      all += traffic.cycles;
      out[cores.first] += traffic.cycles, in[cores.second] += traffic.cycles;
      limits.push_back({"link " + traffic.name, traffic.cycles, LimitKind::link});
    }
    const auto add_port = [&](int core, const char* way, double cycles) {
      limits.push_back(
          {"port " + std::string(way) + " " + plan.cores[static_cast<std::size_t>(core)].name,
           cycles, LimitKind::link});
    };
    if (plan.interconnect.kind == InterconnectKind::bus && all > 0) {
      limits.push_back({"bus", all, LimitKind::link});
    }
    if (plan.interconnect.kind == InterconnectKind::crossbar ||
        plan.interconnect.kind == InterconnectKind::through_host) {
      for (const auto& [core, cycles] : out) add_port(core, "out of", cycles);
      for (const auto& [core, cycles] : in) add_port(core, "into", cycles);
    }
  }
  if (plan.host.bytes_per_cycle > 0) {
    const auto channel = [&](Bytes bytes_per_sample) {
      return rounded_ceil(static_cast<double>(bytes_per_sample) * scope.micro_batch_samples /
                          plan.host.bytes_per_cycle);
    };
    double in = 0;
    for (const StagePlan& s : plan.stages) in += channel(s.input_bytes_per_sample);
    limits.push_back({"host", in, LimitKind::host});
    const Bytes out = output_bytes(*scope.network, scope.hardware->elements);
    limits.push_back({"host output", channel(out), LimitKind::host});
  }
}

/// The channel to DRAM where stages take turns at it: all that a micro-batch moves, and its part of
/// the updates.
void add_dram_limit(const PlanScope& scope, const MachinePlan& plan,
                    std::vector<RateLimit>& limits) {
  if (!plan.dram || plan.dram->bytes_per_cycle == 0) return;
  const std::int64_t micro_batches = scope.micro_batches_per_update;
  Bytes bytes = 0;
  for (const StagePlan& s : plan.stages)
    bytes += s.dram.total(micro_batches, micro_batches * scope.micro_batch_samples, 1);
  limits.push_back(
      {"dram",
       static_cast<double>(bytes) / static_cast<double>(micro_batches) / plan.dram->bytes_per_cycle,
       LimitKind::dram});
}

/// Micro-batches that a stage may hold at once leave it no sooner than a round trip later: forwards
/// down to the last stage, backwards up again, the links between, its own weight gradient (where
/// that is apart) and update.
void add_in_flight_limits(const PlanScope& scope, const MachinePlan& plan,
                          const std::vector<StageSlots>& slots, std::vector<RateLimit>& limits) {
  const InterconnectPlan& net = plan.interconnect;
  const auto crossing = [&](int from, int to, const std::vector<Message>& messages) {
    const bool free = net.kind == InterconnectKind::ideal || net.blocks_cores();
    if (from == to || messages.empty() || free) return 0.0;
    const double once =
        static_cast<double>(net.hop_latency_cycles) + transfer(scope, plan, from, to, messages[0]);
    return net.kind == InterconnectKind::through_host ? 2 * once : once;
  };
  double trip = 0;
  for (std::size_t k = plan.stages.size(); k-- > 0;) {
    const StagePlan& s = plan.stages[k];
    const StageCost& cost = s.cost.back();
    if (k + 1 < plan.stages.size()) {
      const StagePlan& next = plan.stages[k + 1];
      trip += crossing(s.forward_core, next.forward_core, s.forward_messages) +
              crossing(next.backward_core, s.backward_core, next.backward_messages);
    }
    trip += static_cast<double>(cost.forward.cycles + cost.backward.cycles);
    const std::int64_t most = std::min(slots[k].in_flight, s.capacity_micro_batches);
    if (most == kUnlimited<std::int64_t>) continue;
    const double own = static_cast<double>(cost.weight_gradient.cycles) +
                       static_cast<double>(cost.update.cycles) /
                           static_cast<double>(scope.micro_batches_per_update);
    const bool buffer = s.capacity_micro_batches < slots[k].in_flight;
    limits.push_back({"round trip of stage " + s.name + ", at most " + std::to_string(most) +
                          (most == 1 ? " micro-batch" : " micro-batches") +
                          (buffer ? " in its buffer" : " in flight by the schedule"),
                      (trip + own) / static_cast<double>(most), LimitKind::in_flight});
  }
}

/// The slowest unit when the stages are shared out over one core more.
std::optional<double> with_one_more_core(const PlanScope& scope, const Mapping& mapping,
                                         const std::vector<StageSlots>& slots,
                                         const std::vector<double>& loads, int slowest) {
  // There a stage has one core.
  if (scope.hardware->interconnect.kind == InterconnectKind::through_host) return std::nullopt;
  const int stages = static_cast<int>(scope.partition->size());
  const auto load = [&](const Mapping& m, int k) {
    return stage_load(scope,
                      price_stage(scope, k, m.forward(k), m.backward(k), scope.micro_batch_samples),
                      scope.has_two_units(k, stages));
  };
  double worst = 0;
  if (scope.hardware->mapping.kind == MappingKind::balanced) {
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t g = 0; g < scope.hardware->cores.size(); ++g, worst = 0) {
      HardwareSpec larger = *scope.hardware;
      ++larger.cores[g].count;
      PlanScope with = scope;
      with.hardware = &larger;
      const Mapping more = make_mapping(with, slots);
      for (int k = 0; k < stages; ++k) worst = std::max(worst, load(more, k));
      best = std::min(best, worst);
    }
    return best;
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
    report.limits.push_back(
        {plan.cores[u].name + " (" + stages_on(plan, unit) + ")", loads[u], LimitKind::core, unit});
    sum += loads[u];
    if (loads[u] > loads[static_cast<std::size_t>(slowest)]) slowest = unit;
  }
  const double largest = loads.empty() ? 0 : loads[static_cast<std::size_t>(slowest)];
  report.mean_load = largest > 0 ? sum / static_cast<double>(loads.size()) / largest : 0;
  add_link_limits(scope, plan, report.limits);
  add_dram_limit(scope, plan, report.limits);
  // A stage holds nothing that has to come back.
  if (!scope.forward_only) add_in_flight_limits(scope, plan, slots, report.limits);
  std::stable_sort(report.limits.begin(), report.limits.end(),
                   [](const RateLimit& a, const RateLimit& b) {
                     return a.cycles_per_micro_batch > b.cycles_per_micro_batch;
                   });
  if (loads.empty() || report.limits.front().kind != LimitKind::core) return report;
  report.with_one_more_core = with_one_more_core(scope, mapping, slots, loads, slowest);
  const auto other = std::find_if(report.limits.begin(), report.limits.end(),
                                  [](const RateLimit& l) { return l.kind != LimitKind::core; });
  if (report.with_one_more_core && other != report.limits.end())
    *report.with_one_more_core =
        std::max(*report.with_one_more_core, other->cycles_per_micro_batch);
  return report;
}

}  // namespace stagecoach
