// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/what_if.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>

#include "models/base/error.h"

namespace stagecoach {

namespace {

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, std::floor(value) == value ? "%.0f" : "%g", value);
  return text;
}

/// Collects the changes of one hardware file.
class Changes {
 public:
  explicit Changes(const HardwareSpec& hardware) : hardware_(hardware) {}

  /// One number of the file; `field` finds it in a copy.
  template <class Number>
  void twice(const std::string& name, const std::function<Number&(HardwareSpec&)>& field) {
    change<Number>(name, field, 2);
  }
  template <class Number>
  void half(const std::string& name, const std::function<Number&(HardwareSpec&)>& field) {
    change<Number>(name, field, 0.5);
  }

  /// A switch that is off, on.
  void on(const std::string& name, const std::function<bool&(HardwareSpec&)>& field) {
    HardwareChange c{name, "false -> true", hardware_};
    if (field(c.hardware)) return;
    field(c.hardware) = true;
    changes_.push_back(std::move(c));
  }

  std::vector<HardwareChange> take() { return std::move(changes_); }

 private:
  template <class Number>
  void change(const std::string& name, const std::function<Number&(HardwareSpec&)>& field,
              double factor) {
    HardwareChange c{name, "", hardware_};
    Number& value = field(c.hardware);
    const double before = static_cast<double>(value);
    if (before == 0 || std::isinf(before)) return;
    value = number_from<Number>(before * factor);
    if (static_cast<double>(value) == before) return;
    c.step = text_of(before) + " -> " + text_of(static_cast<double>(value));
    changes_.push_back(std::move(c));
  }

  const HardwareSpec& hardware_;
  std::vector<HardwareChange> changes_;
};

using Core = std::function<CoreSpec&(HardwareSpec&)>;

void add_products(Changes& changes, const CoreSpec& core, const std::string& at, const Core& of) {
  switch (core.kind) {
    case CoreKind::fixed:
      changes.half<Cycles>(at + "forward_cycles",
                           [of](auto& h) -> Cycles& { return of(h).fixed.forward_cycles; });
      changes.half<Cycles>(at + "backward_cycles",
                           [of](auto& h) -> Cycles& { return of(h).fixed.backward_cycles; });
      break;
    case CoreKind::resident:
      changes.twice<int>(at + "lanes_per_tile",
                         [of](auto& h) -> int& { return of(h).resident.lanes_per_tile; });
      break;
    case CoreKind::systolic:
      changes.twice<int>(at + "rows", [of](auto& h) -> int& { return of(h).systolic.rows; });
      changes.twice<int>(at + "columns", [of](auto& h) -> int& { return of(h).systolic.columns; });
      changes.on(at + "fold_overlap",
                 [of](auto& h) -> bool& { return of(h).systolic.fold_overlap; });
      break;
    case CoreKind::dot_product:
      changes.twice<int>(at + "atomic_inputs",
                         [of](auto& h) -> int& { return of(h).dot_product.atomic_inputs; });
      changes.twice<int>(at + "atomic_outputs",
                         [of](auto& h) -> int& { return of(h).dot_product.atomic_outputs; });
      changes.on(at + "pack_image_rows",
                 [of](auto& h) -> bool& { return of(h).dot_product.pack_image_rows; });
      break;
    case CoreKind::roofline:
      changes.twice<double>(at + "peak_gmacs_per_s",
                            [of](auto& h) -> double& { return of(h).roofline.peak_gmacs_per_s; });
      changes.twice<double>(at + "memory_gb_per_s",
                            [of](auto& h) -> double& { return of(h).roofline.memory_gb_per_s; });
      changes.half<double>(at + "launch_overhead_ns",
                           [of](auto& h) -> double& { return of(h).roofline.launch_overhead_ns; });
      break;
  }
}

void add_buffers(Changes& changes, const CoreSpec& core, const std::string& at, const Core& of) {
  const auto add = [&](const char* name, std::optional<BufferSpec> CoreSpec::*buffer) {
    if (!(core.*buffer)) return;
    changes.twice<double>(at + name + ".width_bytes", [of, buffer](auto& h) -> double& {
      return (of(h).*buffer)->width_bytes;
    });
    changes.twice<double>(at + name + ".capacity_kib", [of, buffer](auto& h) -> double& {
      return (of(h).*buffer)->capacity_kib;
    });
  };
  add("buffer", &CoreSpec::buffer);
  add("weight_buffer", &CoreSpec::weight_buffer);
  add("activation_buffer", &CoreSpec::activation_buffer);
}

bool same_shares(const MachinePlan& before, const MachinePlan& after) {
  return std::equal(before.cores.begin(), before.cores.end(), after.cores.begin(),
                    after.cores.end(), [](const CorePlan& a, const CorePlan& b) {
                      return a.group == b.group && a.cores == b.cores;
                    });
}

/// Cores, or groups of cores, that divide the DRAM channel among them in equal shares.
std::int64_t dram_users(const MachinePlan& plan) {
  if (plan.dram) return 0;
  std::set<int> users;
  for (const StagePlan& s : plan.stages) {
    if (s.dram.total(1, 1, 1) == 0) continue;
    users.insert(s.forward_core);
    users.insert(s.backward_core);
  }
  return static_cast<std::int64_t>(users.size());
}

bool same_cores(const MachinePlan& before, const MachinePlan& after) {
  return std::equal(before.stages.begin(), before.stages.end(), after.stages.begin(),
                    after.stages.end(), [](const StagePlan& a, const StagePlan& b) {
                      return a.forward_core == b.forward_core && a.backward_core == b.backward_core;
                    });
}

bool some_operation_is_longer(const MachinePlan& before, const MachinePlan& after) {
  for (std::size_t k = 0; k < before.stages.size(); ++k) {
    const StageCost& was = before.stages[k].cost.back();
    const StageCost& is = after.stages[k].cost.back();
    if (is.forward.cycles > was.forward.cycles || is.backward_cycles() > was.backward_cycles()) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::int64_t cores_in_use(const MachinePlan& plan) {
  std::int64_t n = 0;
  for (const CorePlan& c : plan.cores) n += c.cores;
  return n;
}

std::string caution_of(const HardwareChange& change, const MachinePlan& before,
                       const MachinePlan& after) {
  const auto ends_with = [&](const std::string& end) {
    return change.field.size() >= end.size() &&
           change.field.compare(change.field.size() - end.size(), end.size(), end) == 0;
  };
  if ((ends_with("].rows") || ends_with("].columns")) && some_operation_is_longer(before, after)) {
    return "products that do not fill the larger array get slower: every fold pays for its rows "
           "and "
           "columns";
  }
  const bool balanced = change.hardware.mapping.kind == MappingKind::balanced;
  if (ends_with("].count") && change.hardware.cores.size() > 1 && !balanced &&
      some_operation_is_longer(before, after)) {
    return "stages move to this group from another, where their operations are shorter";
  }
  if (dram_users(after) > dram_users(before)) {
    return "the DRAM channel is divided among " + std::to_string(dram_users(after)) +
           " cores instead of " + std::to_string(dram_users(before));
  }
  if (before.forward_only && some_operation_is_longer(before, after)) {
    return "layers that stream are cut into larger pieces, which leave less room for loads ahead";
  }
  if (balanced && !same_shares(before, after)) {
    std::string text = "distributes the cores again: ";
    if (cores_in_use(after) == cores_in_use(before)) {
      text += "as many in use, with other shares";
    } else {
      text += std::to_string(cores_in_use(after)) + " in use instead of " +
              std::to_string(cores_in_use(before));
    }
    if (change.hardware.interconnect.node == Granularity::region) {
      text += "; smaller regions have narrower links, larger ones longer paths";
    }
    return text;
  }
  if (after.cores.size() >= after.stages.size()) return "";
  return (same_cores(before, after) ? "" : "other stages share a core; ") +
         std::string(
             "a core that stages share starts what is ready first, and another order can "
             "leave others waiting");
}

std::vector<HardwareChange> improvements(const HardwareSpec& hardware) {
  Changes changes(hardware);
  for (std::size_t g = 0; g < hardware.cores.size(); ++g) {
    const Core of = [g](HardwareSpec& h) -> CoreSpec& { return h.cores[g]; };
    const CoreSpec& core = hardware.cores[g];
    const std::string at = "cores[" + std::to_string(g) + "].";
    changes.twice<std::int64_t>(at + "count",
                                [of](auto& h) -> std::int64_t& { return of(h).count; });
    add_products(changes, core, at, of);
    if (core.kind == CoreKind::fixed) continue;
    changes.twice<double>(at + "vector_unit.lanes",
                          [of](auto& h) -> double& { return of(h).vector_unit.lanes; });
    changes.on(at + "vector_unit.overlaps_macs",
               [of](auto& h) -> bool& { return of(h).vector_unit.overlaps_macs; });
    changes.on(at + "fused_update", [of](auto& h) -> bool& { return of(h).fused_update; });
    add_buffers(changes, core, at, of);
  }
  if (hardware.interconnect.kind != InterconnectKind::ideal) {
    changes.twice<double>("interconnect.link_bytes_per_cycle",
                          [](auto& h) -> double& { return h.interconnect.link_bytes_per_cycle; });
  }
  if (hardware.dram) {
    changes.twice<double>("dram.bandwidth_gb_per_s",
                          [](auto& h) -> double& { return h.dram->bandwidth_gb_per_s; });
    changes.half<double>("dram.latency_ns", [](auto& h) -> double& { return h.dram->latency_ns; });
  }
  changes.twice<double>("host.bandwidth_gb_per_s",
                        [](auto& h) -> double& { return h.host.bandwidth_gb_per_s; });
  return changes.take();
}

std::vector<WhatIf> what_if(const HardwareSpec& hardware, const RunToPlan& run,
                            const RateOf& rate) {
  constexpr double kOtherPhase = 0.0005;  // operations that are over sooner meet at other times
  const PlannedRun now = plan_run(hardware, run, FitCheck::report);
  const double before = rate(now);
  std::vector<WhatIf> answers;
  for (const HardwareChange& c : improvements(hardware)) {
    try {
      const PlannedRun then = plan_run(c.hardware, run, FitCheck::report);
      if (!then.machine.report.problems.empty() && now.machine.report.problems.empty()) continue;
      const double cycles = rate(then);
      std::string caution = then.cut.cuts != now.cut.cuts ? "changes the cuts of the network" : "";
      if (cycles > before * (1 + kOtherPhase)) {
        const std::string reason = caution_of(c, now.machine.plan, then.machine.plan);
        caution += (caution.empty() || reason.empty() ? "" : "; ") + reason;
      }
      answers.push_back({c.field, c.step, cycles, caution});
    } catch (const UserError&) {
      continue;  // more cores than a mesh of fixed size holds
    }
  }
  std::stable_sort(answers.begin(), answers.end(), [](const WhatIf& a, const WhatIf& b) {
    return a.cycles_per_micro_batch < b.cycles_per_micro_batch;
  });
  return answers;
}

}  // namespace stagecoach
