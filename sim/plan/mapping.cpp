// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/mapping.h"

#include <algorithm>
#include <numeric>

#include "models/base/error.h"
#include "sim/plan/balanced_mapping.h"
#include "sim/plan/chunk_mapping.h"
#include "sim/plan/listed_mapping.h"
#include "sim/plan/spill_load.h"

namespace stagecoach {

namespace {

/// The run of each stage, where there are fewer cores than stages.
std::vector<int> runs_on_shared_cores(const PlanScope& scope, const std::vector<StageSlots>& slots,
                                      std::int64_t cores) {
  const HardwareSpec& hw = *scope.hardware;
  std::vector<double> loads;
  for (int k = 0; k < static_cast<int>(slots.size()); ++k) {
    loads.push_back(stage_load(
        scope, price_stage(scope, k, Service{}, Service{}, scope.micro_batch_samples), false));
  }
  const std::vector<int> runs = split_into_runs(loads, static_cast<int>(cores));
  if (hw.memory_policy != MemoryPolicy::spill || !hw.dram) return runs;
  std::vector<int> groups;
  for (std::int64_t u = 0; u < cores; ++u) groups.push_back(group_of_core(hw, u));
  return runs_under_spill(scope, slots, groups, runs);
}

Mapping one_core_each(const PlanScope& scope, const std::vector<StageSlots>& slots) {
  const HardwareSpec& hw = *scope.hardware;
  const int stages = static_cast<int>(scope.partition->size());
  const std::int64_t have = cores_available(hw);
  const bool split = hw.mapping.split_forward_backward;
  const std::int64_t need = scope.units(stages);
  if (split && have < need) too_few("forward and backward on cores of their own", need, have);
  Mapping m;
  if (have >= need) {
    m = rows_of_units(scope, std::vector<Service>(static_cast<std::size_t>(stages)));
  } else {
    const std::vector<int> runs = runs_on_shared_cores(scope, slots, have);
    for (int u = 0; u <= runs.back(); ++u) m.units.push_back({{}, u});
    for (const int run : runs) m.stages.push_back({run, run});
  }
  for (Unit& u : m.units) u.service.group = group_of_core(hw, u.first_core);
  return m;
}

Mapping rectangles(const PlanScope& scope) {
  const MappingSpec& mapping = scope.hardware->mapping;
  const int stages = static_cast<int>(scope.partition->size());
  std::vector<std::int64_t> widths;
  for (int k = 0; k < stages; ++k) widths.push_back(scope.has_two_units(k, stages) ? 2 : 1);
  return rows_of_units(scope,
                       rectangles_in_groups(*scope.hardware, widths,
                                            std::int64_t{1} * mapping.rows * mapping.columns));
}

/// Of `units` equal pieces of the row of all cores, the one at `place`, as far as its group goes.
Service equal_share(const HardwareSpec& hw, std::int64_t place, std::int64_t units) {
  const std::int64_t have = cores_available(hw);
  const std::int64_t each = std::max<std::int64_t>(1, have / units);
  const int group = group_of_core(hw, std::min(place * each, have - 1));
  return {group, std::min(each, hw.cores[static_cast<std::size_t>(group)].count)};
}

}  // namespace

int group_of_core(const HardwareSpec& hw, std::int64_t core) {
  for (std::size_t g = 0; g < hw.cores.size(); ++g) {
    if (hw.cores[g].count == 0 || core < hw.cores[g].count) return static_cast<int>(g);
    core -= hw.cores[g].count;
  }
  throw ModelBug("group_of_core: no such core");
}

void too_few(const std::string& what, std::int64_t need, std::int64_t have) {
  throw MappingError("hardware /cores: " + what + " needs " + std::to_string(need) +
                     " cores and there are " + std::to_string(have));
}

std::vector<Service> rectangles_in_groups(const HardwareSpec& hw,
                                          const std::vector<std::int64_t>& widths,
                                          std::int64_t each) {
  std::vector<Service> services;
  std::size_t group = 0;
  std::int64_t used = 0;
  for (const std::int64_t width : widths) {
    const auto full = [&] {
      return hw.cores[group].count > 0 && used + width * each > hw.cores[group].count;
    };
    while (group + 1 < hw.cores.size() && full()) ++group, used = 0;
    if (full()) {
      too_few("a rectangle of cores for every stage, each within one group,",
              std::accumulate(widths.begin(), widths.end(), std::int64_t{0}) * each,
              cores_available(hw));
    }
    used += width * each;
    services.push_back({static_cast<int>(group), each});
  }
  return services;
}

Mapping rows_of_units(const PlanScope& scope, const std::vector<Service>& services) {
  Mapping m;
  m.split = scope.hardware->mapping.split_forward_backward;
  const int stages = static_cast<int>(services.size());
  std::int64_t next = 0;
  const auto add = [&](const Service& s) {
    m.units.push_back({s, next});
    next += s.cores;
    return static_cast<int>(m.units.size()) - 1;
  };
  for (int k = 0; k < stages; ++k) {
    const Service& service = services[static_cast<std::size_t>(k)];
    const int forward = add(service);
    m.stages.push_back({forward, scope.has_two_units(k, stages) ? add(service) : forward});
  }
  return m;
}

std::int64_t cores_available(const HardwareSpec& hw) {
  std::int64_t total = 0;
  for (const CoreSpec& c : hw.cores) {
    if (c.count == 0) return kUnlimited<std::int64_t>;
    total += c.count;
  }
  return total;
}

std::vector<StageService> services_before_cutting(const PlanScope& scope, int stages) {
  const HardwareSpec& hw = *scope.hardware;
  const bool split = hw.mapping.split_forward_backward;
  const std::int64_t units = scope.units(stages);
  const std::int64_t have = cores_available(hw);
  std::vector<StageService> all(static_cast<std::size_t>(stages));
  for (int k = 0; k < stages; ++k) {
    StageService& s = all[static_cast<std::size_t>(k)];
    s.split = scope.has_two_units(k, stages);
    switch (hw.mapping.kind) {
      case MappingKind::one_core_per_stage:
        if (scope.chunked && have < scope.chunked->cores()) break;  // told when stages are mapped
        if (scope.chunked) {
          s.forward.group = s.backward.group = group_of_core(hw, scope.chunked->core_of(k));
          break;
        }
        if (have < units) break;  // stages will share cores
        s.forward.group = group_of_core(hw, split ? 2 * k : k);
        s.backward.group = group_of_core(hw, split ? (s.split ? 2 * k + 1 : 2 * k) : k);
        break;
      case MappingKind::rectangle:
        s.forward.cores = s.backward.cores = std::int64_t{1} * hw.mapping.rows * hw.mapping.columns;
        break;
      case MappingKind::balanced:
        s.forward = s.backward = equal_share(hw, split ? 2 * k : k, units);
        break;
      case MappingKind::explicit_list:
        throw UserError(
            "/pipeline/partition/balanced: the hardware's mapping lists stages by name, and there "
            "are none before the cuts; allowed: cuts, or another mapping");
    }
  }
  return all;
}

std::vector<int> split_into_runs(const std::vector<double>& loads, int parts) {
  const auto runs_within = [&](double limit) {
    std::vector<int> run;
    int current = 0;
    double sum = 0;
    for (std::size_t i = 0; i < loads.size(); ++i) {
      // Every remaining run must get at least one load.
      const bool forced = i > 0 && static_cast<int>(loads.size() - i) == parts - 1 - current;
      if (i > 0 && (sum + loads[i] > limit || forced)) ++current, sum = 0;
      sum += loads[i];
      run.push_back(current);
    }
    return run;
  };
  // The answer is the sum of some run: search among these.
  std::vector<double> sums;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    double sum = 0;
    for (std::size_t j = i; j < loads.size(); ++j) sums.push_back(sum += loads[j]);
  }
  const double largest = *std::max_element(loads.begin(), loads.end());
  sums.erase(std::remove_if(sums.begin(), sums.end(), [&](double s) { return s < largest; }),
             sums.end());
  std::sort(sums.begin(), sums.end());
  std::size_t low = 0, high = sums.size() - 1;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    (runs_within(sums[middle]).back() < parts) ? high = middle : low = middle + 1;
  }
  return runs_within(sums[low]);
}

Mapping make_mapping(const PlanScope& scope, const std::vector<StageSlots>& slots) {
  if (scope.chunked) return chunk_mapping(scope);
  switch (scope.hardware->mapping.kind) {
    case MappingKind::one_core_per_stage:
      return one_core_each(scope, slots);
    case MappingKind::rectangle:
      return rectangles(scope);
    case MappingKind::balanced:
      return balanced_mapping(scope, slots);
    case MappingKind::explicit_list:
      return listed_mapping(scope);
  }
  return {};
}

}  // namespace stagecoach
