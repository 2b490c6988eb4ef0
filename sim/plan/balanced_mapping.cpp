// SPDX-License-Identifier: Apache-2.0
// Bisection over the greatest load; for one limit, each stage takes cores as early in the row of
// all cores as it can.
#include "sim/plan/balanced_mapping.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

namespace stagecoach {

namespace {

std::size_t index(int n) { return static_cast<std::size_t>(n); }

/// Fewest cores of a group, of which there are `cores.cores`, with which stage k stays within the
/// limit; more than there are if none do.
std::int64_t fewest_within(double limit, int k, const Service& cores, const CoresOfStage& of) {
  const auto load = [&](std::int64_t n) { return of.load(k, {cores.group, n}); };
  std::int64_t low = of.least(k, cores.group), high = low;
  if (load(low) <= limit) return low;
  while (load(high) > limit) {
    if (high >= cores.cores) return cores.cores + 1;
    low = high;
    high = std::min(cores.cores, high * 2);
  }
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (load(middle) <= limit ? high : low) = middle;
  }
  return high;
}

/// Empty if the groups do not suffice. To end earlier in the row is never worse for the stages
/// behind, so that the first group with room is the best choice.
std::vector<Service> spread(double limit, int stages, const std::vector<Service>& groups,
                            const CoresOfStage& of) {
  std::vector<Service> all;
  auto group = groups.begin();
  std::int64_t left = group->cores;
  for (int k = 0; k < stages; ++k) {
    std::int64_t need = fewest_within(limit, k, *group, of);
    while (need > left) {
      if (++group == groups.end()) return {};
      left = group->cores;
      need = fewest_within(limit, k, *group, of);
    }
    all.push_back({group->group, need});
    left -= need;
  }
  return all;
}

/// One way to deal cores out to the stages of a run.
class Balance {
 public:
  Balance(const PlanScope& scope, const std::vector<StageSlots>& slots, bool one_micro_batch)
      : scope_(scope),
        slots_(slots),
        stages_(static_cast<int>(scope.partition->size())),
        one_micro_batch_(one_micro_batch) {}

  /// Cores of both directions together; empty if there are too few.
  std::vector<Service> best() {
    std::vector<Service> best;
    std::pair<double, std::int64_t> least{};  // greatest load, cores in use
    for (const std::vector<int>& order : orders_of_groups(*scope_.hardware)) {
      std::vector<Service> groups;
      for (const int g : order) groups.push_back({g, scope_.hardware->cores[index(g)].count});
      std::vector<Service> found =
          balance_cores(stages_, groups,
                        {[this](int k, int g) { return fewest(k, g); },
                         [this](int k, const Service& cores) { return load(k, cores); }});
      if (found.empty()) continue;
      const auto cost = cost_of(found);
      if (!best.empty() && cost >= least) continue;
      best = std::move(found);
      least = cost;
    }
    return best;
  }

  int width(int k) const { return scope_.has_two_units(k, stages_) ? 2 : 1; }

  std::int64_t fewest(int k, int group) {
    std::int64_t& known = fewest_[{k, group}];
    if (known == 0)
      known =
          width(k) * least_cores(scope_, group, k, slots_[index(k)], width(k), one_micro_batch_);
    return known;
  }

 private:
  /// Every bisection asks again for the same numbers of cores.
  double load(int k, const Service& cores) {
    const Service each{cores.group, std::max<std::int64_t>(1, cores.cores / width(k))};
    const auto [known, is_new] = loads_.try_emplace({k, each.group, each.cores});
    if (is_new) {
      const StageCost cost = price_stage(scope_, k, each, each, scope_.micro_batch_samples);
      known->second = stage_load(scope_, cost, width(k) == 2);
    }
    return known->second;
  }

  std::pair<double, std::int64_t> cost_of(const std::vector<Service>& cores) {
    std::pair<double, std::int64_t> cost{};
    for (int k = 0; k < stages_; ++k) {
      cost.first = std::max(cost.first, load(k, cores[index(k)]));
      cost.second += cores[index(k)].cores;
    }
    return cost;
  }

  const PlanScope& scope_;
  const std::vector<StageSlots>& slots_;
  int stages_;
  bool one_micro_batch_;
  std::map<std::pair<int, int>, std::int64_t> fewest_;          ///< by stage and group
  std::map<std::tuple<int, int, std::int64_t>, double> loads_;  ///< by stage, group and cores
};

[[noreturn]] void refuse(const PlanScope& scope, Balance& balance) {
  const HardwareSpec& hw = *scope.hardware;
  const std::string what = hw.memory_policy == MemoryPolicy::spill
                               ? "a core for every stage"
                               : "holding every stage in the cores' buffers";
  if (hw.cores.size() == 1) {
    std::int64_t need = 0;
    for (int k = 0; k < static_cast<int>(scope.partition->size()); ++k)
      need += balance.fewest(k, 0);
    too_few(what, need, cores_available(hw));
  }
  std::string groups;
  for (const CoreSpec& group : hw.cores)
    groups +=
        (groups.empty() ? "" : ", ") + std::to_string(group.count) + " of \"" + group.name + "\"";
  throw MappingError("hardware /cores: " + what + " needs more cores than there are (" + groups +
                     "); a stage has cores of one group, and the stages of a group are neighbours");
}

}  // namespace

std::vector<std::vector<int>> orders_of_groups(const HardwareSpec& hardware) {
  constexpr std::size_t kMost = 3;  // six searches
  std::vector<int> order(hardware.cores.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::vector<int>> all{order};
  while (order.size() <= kMost && std::next_permutation(order.begin(), order.end()))
    all.push_back(order);
  return all;
}

std::int64_t least_cores(const PlanScope& scope, int group, int stage, const StageSlots& slots,
                         int units, bool one_micro_batch) {
  const HardwareSpec& hw = *scope.hardware;
  if (hw.memory_policy == MemoryPolicy::spill) return 1;
  const CoreSpec& core = hw.cores[index(group)];
  const auto fits = [&](std::int64_t n) {
    const MemoryNeeds needs = memory_needs(scope, stage, {group, n}, slots);
    const Fit fit = fit_pool(pool_of(core, units * n), {needs}, hw.memory_policy);
    return fit.weight_deficit_bytes == 0 &&
           (fit.activation_deficit_bytes == 0 ||
            (one_micro_batch && fit.capacity_micro_batches[0] >= 1));
  };
  constexpr std::int64_t kMost = std::int64_t{1} << 30;  // not one of them, should none fit
  std::int64_t n = 1;
  while (n < kMost && !fits(n)) n *= 2;
  std::int64_t low = n / 2;  // does not fit (or is 0)
  while (n - low > 1) {
    const std::int64_t middle = (low + n) / 2;
    (fits(middle) ? n : low) = middle;
  }
  return n;
}

std::vector<Service> balance_cores(int stages, const std::vector<Service>& groups,
                                   const CoresOfStage& of) {
  double high = 0;  // within which the fewest cores are enough
  for (int k = 0; k < stages; ++k) {
    for (const Service& g : groups) {
      const std::int64_t least = of.least(k, g.group);
      if (least <= g.cores) high = std::max(high, of.load(k, {g.group, least}));
    }
  }
  std::vector<Service> best = spread(high, stages, groups, of);
  // Loads are whole cycles (or their fractions per micro-batch): half a cycle is enough.
  for (double low = 0; !best.empty() && high - low > 0.5;) {
    const double middle = (low + high) / 2;
    std::vector<Service> found = spread(middle, stages, groups, of);
    (found.empty() ? low : high) = middle;
    if (!found.empty()) best = std::move(found);
  }
  return best;
}

Mapping balanced_mapping(const PlanScope& scope, const std::vector<StageSlots>& slots) {
  Balance all_in_flight(scope, slots, false);
  std::vector<Service> cores = all_in_flight.best();
  // Where not all can be held that may be in flight, a stage may stall.
  if (cores.empty() && scope.hardware->memory_policy == MemoryPolicy::stall) {
    Balance one(scope, slots, true);
    cores = one.best();
    if (cores.empty()) refuse(scope, one);
  }
  if (cores.empty()) refuse(scope, all_in_flight);
  for (std::size_t k = 0; k < cores.size(); ++k) {
    const int width = all_in_flight.width(static_cast<int>(k));
    cores[k].cores = std::max<std::int64_t>(1, cores[k].cores / width);
  }
  return rows_of_units(scope, cores);
}

}  // namespace stagecoach
