// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/spill_load.h"

#include <algorithm>
#include <limits>

#include "sim/plan/dram_traffic.h"

namespace stagecoach {

namespace {

/// The stages of a network on single cores of one group.
class SharedCore {
 public:
  SharedCore(const PlanScope& scope, const std::vector<StageSlots>& slots, int group)
      : scope_(scope),
        pool_(pool_of(scope.hardware->cores[static_cast<std::size_t>(group)], 1)),
        loads_((slots.size() + 1) * (slots.size() + 1), -1.0) {
    const Service service{group, 1};
    for (int k = 0; k < static_cast<int>(slots.size()); ++k) {
      needs_.push_back(memory_needs(scope, k, service, slots[static_cast<std::size_t>(k)]));
      costs_.push_back(price_stage(scope, k, service, service, scope.micro_batch_samples));
    }
  }

  void set_sharers(std::int64_t sharers) {
    sharers_ = sharers;
    std::fill(loads_.begin(), loads_.end(), -1.0);
  }

  /// Cycles per micro-batch of stages [first, end) on one core.
  double load(std::size_t first, std::size_t end) {
    double& known = loads_[first * (needs_.size() + 1) + end];
    if (known >= 0) return known;
    const Fit fit = fit_of(first, end);
    known = 0;
    for (std::size_t k = first; k < end; ++k) {
      StageCost cost = costs_[k];
      charge_dram(*scope_.hardware, dram_traffic(needs_[k], fit), scope_.micro_batch_samples,
                  sharers_, cost);
      known += stage_load(scope_, cost, false);
    }
    return known;
  }

  bool spills(std::size_t first, std::size_t end) const {
    const Fit fit = fit_of(first, end);
    return fit.weight_spill > 0 || fit.activation_spill > 0;
  }

 private:
  Fit fit_of(std::size_t first, std::size_t end) const {
    const auto at = [this](std::size_t k) {
      return needs_.begin() + static_cast<std::ptrdiff_t>(k);
    };
    return fit_pool(pool_, {at(first), at(end)}, MemoryPolicy::spill);
  }

  const PlanScope& scope_;
  Pool pool_;
  std::vector<MemoryNeeds> needs_;
  std::vector<StageCost> costs_;
  std::int64_t sharers_ = 1;
  std::vector<double> loads_;  ///< by first and end; negative: not asked yet
};

/// One group's cores are alike, and priced once.
class SharedCores {
 public:
  SharedCores(const PlanScope& scope, const std::vector<StageSlots>& slots,
              const std::vector<int>& group_of)
      : stages_(slots.size()), group_of_(group_of) {
    for (int g = 0; g <= *std::max_element(group_of.begin(), group_of.end()); ++g)
      groups_.emplace_back(scope, slots, g);
  }

  /// Ends of the runs, one a core, for the least greatest load with so many users of the channel:
  /// on all cores, and on as few as do as well, for one more can be one more user.
  std::vector<std::vector<std::size_t>> best_ends(std::int64_t sharers) {
    for (SharedCore& group : groups_) group.set_sharers(sharers);
    const double none = std::numeric_limits<double>::infinity();
    const std::size_t cores = group_of_.size(), width = stages_ + 1;
    std::vector<double> best(width, none);
    best[0] = 0;
    std::vector<std::vector<std::size_t>> begin(cores, std::vector<std::size_t>(width, 0));
    double least = none;
    std::size_t used = 0;
    for (std::size_t u = 0; u < cores; ++u) {
      std::vector<double> next(width, none);
      for (std::size_t end = u + 1; end <= stages_; ++end) {
        for (std::size_t first = end; first-- > u;) {
          if (best[first] >= next[end]) continue;
          const double here = std::max(best[first], core(u).load(first, end));
          if (here >= next[end]) continue;
          next[end] = here;
          begin[u][end] = first;
        }
      }
      best = std::move(next);
      if (best[stages_] < least) least = best[stages_], used = u + 1;
    }
    std::vector<std::vector<std::size_t>> both;
    for (const std::size_t n : {cores, used}) {
      std::vector<std::size_t> ends(n);
      for (std::size_t u = n, end = stages_; u-- > 0; end = begin[u][end]) ends[u] = end;
      both.push_back(ends);
    }
    return both;
  }

  /// The greatest load with as many users of the channel as there then are.
  double greatest(const std::vector<std::size_t>& ends) {
    std::int64_t sharers = 0;
    const auto over_runs = [&](const auto& look) {
      for (std::size_t u = 0, first = 0; u < ends.size(); first = ends[u++])
        look(u, first, ends[u]);
    };
    over_runs([&](std::size_t u, std::size_t first, std::size_t end) {
      sharers += core(u).spills(first, end);
    });
    for (SharedCore& group : groups_) group.set_sharers(std::max<std::int64_t>(1, sharers));
    double most = 0;
    over_runs([&](std::size_t u, std::size_t first, std::size_t end) {
      most = std::max(most, core(u).load(first, end));
    });
    return most;
  }

 private:
  SharedCore& core(std::size_t u) { return groups_[static_cast<std::size_t>(group_of_[u])]; }

  std::size_t stages_;
  const std::vector<int>& group_of_;
  std::vector<SharedCore> groups_;
};

}  // namespace

std::vector<std::int64_t> sharers_to_try(const HardwareSpec& hardware, std::int64_t most) {
  // One after the other: what a transfer takes does not depend on how many users there are.
  if (hardware.dram && hardware.dram->arbitration == Arbitration::first_come) return {1};
  std::vector<std::int64_t> numbers;
  for (std::int64_t n = most; n > 0; n = n > 4 ? n / 2 : n - 1) numbers.push_back(n);
  return numbers;
}

std::vector<int> runs_under_spill(const PlanScope& scope, const std::vector<StageSlots>& slots,
                                  const std::vector<int>& group_of,
                                  const std::vector<int>& without) {
  SharedCores cores(scope, slots, group_of);
  std::vector<std::size_t> best;
  double least = std::numeric_limits<double>::infinity();
  const auto offer = [&](const std::vector<std::size_t>& ends) {
    const double greatest = cores.greatest(ends);
    if (greatest >= least) return;
    least = greatest;
    best = ends;
  };
  std::vector<std::size_t> ends;
  for (std::size_t k = 1; k <= without.size(); ++k) {
    if (k == without.size() || without[k] != without[k - 1]) ends.push_back(k);
  }
  offer(ends);
  for (const std::int64_t n :
       sharers_to_try(*scope.hardware, static_cast<std::int64_t>(group_of.size()))) {
    for (const auto& found : cores.best_ends(n)) offer(found);
  }
  std::vector<int> run(slots.size(), 0);
  for (std::size_t k = 0, u = 0; k < slots.size(); ++k) {
    while (k >= best[u]) ++u;
    run[k] = static_cast<int>(u);
  }
  return run;
}

}  // namespace stagecoach
