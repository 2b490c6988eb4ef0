// SPDX-License-Identifier: Apache-2.0
// The best cuts by dynamic programming over the loads of runs of layers (sim/plan/run_loads.h).
#include "sim/plan/balanced_partition.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "models/base/error.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/mapping.h"
#include "sim/plan/run_loads.h"
#include "sim/plan/spill_load.h"

namespace stagecoach {

namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();

/// Where the stages begin, for the least total(load, total of the stages before); of equals the
/// longest runs behind. No run with a load above `limit(best so far)` can serve: a longer run costs
/// no less, so that the search for one end stops there.
template <class Total, class Limit>
std::vector<int> best_begins(const RunLoads& loads, int layers, int stages, Total total,
                             Limit limit, double& least) {
  const auto at = [layers](int k, int end) {
    return static_cast<std::size_t>(k) * static_cast<std::size_t>(layers + 1) +
           static_cast<std::size_t>(end);
  };
  std::vector<double> best(at(stages, 0), kImpossible);
  std::vector<int> begin(best.size(), 0);
  for (int k = 0; k < stages; ++k) {
    // As many layers as stages must be left, and the last stage ends with the last layer.
    const int last_end = layers - (stages - 1 - k);
    for (int end = k + 1 == stages ? layers : k + 1; end <= last_end; ++end) {
      const int last_first = k == 0 ? 0 : end - 1;
      for (int first = last_first; first >= k; --first) {
        const double load = loads(k, first, end);
        if (load > limit(best[at(k, end)])) break;
        const double before = k == 0 ? 0 : best[at(k - 1, first)];
        if (before == kImpossible) continue;
        const double here = total(load, before);
        if (here > best[at(k, end)] || here == kImpossible) continue;
        best[at(k, end)] = here;
        begin[at(k, end)] = first;
      }
    }
  }
  least = best[at(stages - 1, layers)];
  std::vector<int> begins;
  for (int k = stages - 1, end = layers; k >= 0; end = begins.back(), --k) {
    begins.push_back(begin[at(k, end)]);
  }
  std::reverse(begins.begin(), begins.end());
  return begins;
}

/// Mapping `balanced` gives cores to the stages that need them, so cuts and cores are chosen
/// together. Looks at every number of cores up to 64, then at steps of a twentieth.
class CoresAndCuts {
 public:
  CoresAndCuts(const PlanScope& scope, int stages, std::vector<StageSlots> slots,
               SearchEffort* effort)
      : scope_(scope),
        effort_(effort),
        slots_(std::move(slots)),
        layers_(static_cast<int>(scope.network->layers.size())),
        stages_(stages),
        cores_(scope.hardware->cores[0].count),
        split_(scope.hardware->mapping.split_forward_backward) {
    for (std::int64_t n = 1; n <= cores_; n += std::max<std::int64_t>(1, n > 64 ? n / 20 : 1)) {
      counts_.push_back(n);
    }
    sums_.resize(counts_.size());
  }

  /// Where the stages begin; empty if there is no core for every stage.
  std::vector<int> begins() {
    if (counts_.empty()) return {};
    std::int64_t units = stages_;
    if (split_) units += stages_ - (two_units(layers_) ? 0 : 1);
    if (units > cores_) return {};
    // One core each holds any run within the whole network's load on one.
    double high = load(0, 0, layers_, false), low = 0;
    std::vector<int> best = begins_within(high);
    while (!best.empty() &&
           high - low > 0.5) {  // loads are whole cycles, or fractions of a micro-batch
      const double middle = (low + high) / 2;
      std::vector<int> found = begins_within(middle);
      (found.empty() ? low : high) = middle;
      if (!found.empty()) best = std::move(found);
    }
    return best;
  }

 private:
  static constexpr std::int64_t kTooMany = std::numeric_limits<std::int64_t>::max() / 2;

  bool two_units(int end) const { return split_ && (scope_.turnaround > 0 || end < layers_); }
  std::size_t width() const { return static_cast<std::size_t>(layers_ + 1); }
  std::size_t at(int first, int end) const {
    return static_cast<std::size_t>(first) * width() + static_cast<std::size_t>(end);
  }

  /// Fewest cores whose buffers hold the run as stage k. Slow, so asked for chosen runs alone.
  std::int64_t least(int k, int first, int end) {
    std::int64_t& known = least_[{k, at(first, end)}];
    if (known == 0) {
      spend(effort_, kLooksOfNeeds);
      const auto [parts, stage] = partition_around(scope_, first, end);
      PlanScope scope = scope_;
      scope.partition = &parts;
      const int units = two_units(end) ? 2 : 1;
      known = units * least_cores(scope, stage, slots_[static_cast<std::size_t>(k)], units);
    }
    return known;
  }
  double load(std::size_t count, int first, int end, bool split) {
    const Service service{0, counts_[count]};
    if (!sums_[count]) sums_[count] = prefix_sums(scope_, service);
    return stage_load(
        scope_,
        cost_of_run(scope_, {service, service, split}, *sums_[count], *sums_[count], first, end),
        split);
  }

  /// Fewest cores with which the run stays within the limit.
  std::int64_t fewest(int first, int end, double limit) {
    const bool two = two_units(end);
    if (load(counts_.size() - 1, first, end, two) > limit) return kTooMany;
    std::size_t low = 0, high = counts_.size() - 1;
    while (low < high) {
      spend(effort_, 1);
      const std::size_t middle = (low + high) / 2;
      if (load(middle, first, end, two) <= limit) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return counts_[high] * (two ? 2 : 1);
  }

  /// The begins that need the fewest cores; empty if there are not as many.
  std::vector<int> begins_within(double limit) {
    std::vector<std::int64_t> need(width() * width(), kTooMany);
    for (int first = 0; first < layers_; ++first) {
      for (int end = first + 1; end <= layers_; ++end) {
        // A longer run costs no less: what one core cannot, all cannot further on.
        const std::int64_t n = fewest(first, end, limit);
        need[at(first, end)] = n;
        if (n == kTooMany) break;
      }
    }
    // Buffers may ask for more cores than the limit does. Only runs that were chosen are asked, and
    // what they answer counts in the next choice, until one holds.
    while (true) {
      std::vector<std::int64_t> cores(width(), kTooMany);
      cores[0] = 0;
      std::vector<std::vector<int>> begin;
      for (int k = 0; k < stages_; ++k) begin.push_back(add_stage(k, need, cores));
      if (cores.back() > cores_) return {};
      std::vector<int> begins;
      std::int64_t total = 0;
      for (int k = stages_ - 1, end = layers_; k >= 0; end = begins.back(), --k) {
        const int first = begin[static_cast<std::size_t>(k)][static_cast<std::size_t>(end)];
        total += std::max(need[at(first, end)], least(k, first, end));
        begins.push_back(first);
      }
      if (total > cores_) continue;
      std::reverse(begins.begin(), begins.end());
      return begins;
    }
  }

  /// From the fewest cores for the layers up to each one in k stages to those in k + 1; returns
  /// where stage k then begins.
  std::vector<int> add_stage(int k, const std::vector<std::int64_t>& need,
                             std::vector<std::int64_t>& cores) {
    std::vector<std::int64_t> next(width(), kTooMany);
    std::vector<int> begin(width(), 0);
    const int last_end = layers_ - (stages_ - 1 - k);
    for (int end = k + 1 == stages_ ? layers_ : k + 1; end <= last_end; ++end) {
      std::int64_t looks = 0;
      std::int64_t& best = next[static_cast<std::size_t>(end)];
      // From the shortest run on: a longer one needs no fewer cores, and the k stages before it one
      // each.
      for (int first = end - 1; first >= k; --first, ++looks) {
        const std::int64_t before = cores[static_cast<std::size_t>(first)];
        std::int64_t here = need[at(first, end)];
        if (k + here > std::min(best, cores_)) break;
        if (before + here > best || before + here > cores_) continue;
        const auto known = least_.find({k, at(first, end)});
        if (known != least_.end()) here = std::max(here, known->second);
        if (before + here > best || before + here >= kTooMany) continue;
        best = before + here;
        begin[static_cast<std::size_t>(end)] = first;
      }
      spend(effort_, looks);
    }
    cores = std::move(next);
    return begin;
  }

  const PlanScope& scope_;
  SearchEffort* effort_;
  std::vector<StageSlots> slots_;                              ///< by stage
  std::map<std::pair<int, std::size_t>, std::int64_t> least_;  ///< by stage and run
  int layers_, stages_;
  std::int64_t cores_;
  bool split_;
  std::vector<std::int64_t> counts_;
  std::vector<std::optional<PrefixSums>> sums_;  ///< by place in counts_, made when asked for
};

/// On cores that stages get whatever they hold: the least greatest load, then the least squares.
std::vector<int> begins_of(const RunLoads& loads, int layers, int stages) {
  double greatest = 0, squares = 0;
  best_begins(
      loads, layers, stages, [](double load, double before) { return std::max(load, before); },
      [](double best) { return best; }, greatest);
  return best_begins(
      loads, layers, stages, [](double load, double before) { return before + load * load; },
      [greatest](double) { return greatest; }, squares);
}

std::vector<std::string> cuts_of(const Network& network, const std::vector<int>& begins) {
  std::vector<std::string> cuts;
  for (std::size_t k = 1; k < begins.size(); ++k)
    cuts.push_back(network.layers[static_cast<std::size_t>(begins[k] - 1)].spec.name);
  return cuts;
}

/// Where a chip spills, what a stage costs depends on who shares its core and how many share the
/// DRAM channel, which is known when all is cut. So several cuts are made, each with an assumption
/// about these, and the machine that is fastest in closed form is kept.
class FastestOf {
 public:
  FastestOf(const PlanScope& scope, const MicroBatchPlan& micro_batches, const Schedule& schedule,
            int stages, SearchEffort* effort)
      : scope_(scope),
        micro_batches_(micro_batches),
        schedule_(schedule),
        stages_(stages),
        effort_(effort) {}

  /// Returns whether it is the fastest so far.
  bool offer(const std::vector<int>& begins) {
    spend(effort_, kLooksOfPlannedStage * stages_);
    const Partition parts = make_partition(
        *scope_.network, {PartitionKind::cuts, cuts_of(*scope_.network, begins), scope_.recompute});
    try {
      const PlannedMachine machine =
          build_machine_plan(*scope_.hardware, *scope_.network, parts, micro_batches_, schedule_,
                             scope_.train, FitCheck::report);
      const double cycles = machine.report.balance.cycles_per_micro_batch();
      if (!best_.empty() && cycles >= least_) return false;
      least_ = cycles;
      best_ = begins;
      return true;
    } catch (const UserError&) {
      if (best_.empty()) best_ = begins;  // told again when the stages are mapped
      return false;
    }
  }

  /// Balanced with every number of users of the channel that may come true.
  void offer_balanced(const std::vector<StageSlots>& slots) {
    const int layers = static_cast<int>(scope_.network->layers.size());
    RunLoads loads(scope_, stages_, effort_);
    for (const std::int64_t n : sharers_to_try(std::int64_t{2} * stages_)) {
      loads.spill(slots, n);
      offer(begins_of(loads, layers, stages_));
    }
  }

  /// As many layers each.
  void offer_equal() {
    const int layers = static_cast<int>(scope_.network->layers.size());
    std::vector<int> begins;
    for (int k = 0; k < stages_; ++k) begins.push_back(k * layers / stages_);
    offer(begins);
  }

  /// Balanced as if each core had one stage, which is then cut further: fewer cores than stages.
  void offer_balanced_cores(std::int64_t cores) {
    if (cores >= stages_) return;
    const int layers = static_cast<int>(scope_.network->layers.size());
    const auto runs = static_cast<int>(cores);
    const std::vector<StageSlots> slots = slots_of(schedule_, stages_, micro_batches_);
    RunLoads loads(scope_, runs, effort_);
    for (const std::int64_t n : sharers_to_try(cores)) {
      loads.spill({slots.begin(), slots.begin() + runs}, n);
      std::vector<int> begins = begins_of(loads, layers, runs);
      while (static_cast<int>(begins.size()) < stages_) {
        std::size_t longest = 0;
        const auto end = [&](std::size_t k) {
          return k + 1 < begins.size() ? begins[k + 1] : layers;
        };
        for (std::size_t k = 1; k < begins.size(); ++k) {
          if (end(k) - begins[k] > end(longest) - begins[longest]) longest = k;
        }
        begins.insert(begins.begin() + static_cast<std::ptrdiff_t>(longest) + 1,
                      (begins[longest] + end(longest)) / 2);
      }
      offer(begins);
    }
  }

  /// Moves one cut by one or two layers as long as that helps.
  void improve() {
    int tries = std::min(200, 3000 / static_cast<int>(scope_.network->layers.size()));
    for (bool better = true; better && tries > 0;) {
      better = false;
      for (std::size_t k = 1; k < best_.size() && tries > 0; ++k) {
        for (const int step : {-1, 1, -2, 2}) {
          std::vector<int> moved = best_;
          moved[k] += step;
          const int end =
              k + 1 < moved.size() ? moved[k + 1] : static_cast<int>(scope_.network->layers.size());
          if (moved[k] <= moved[k - 1] || moved[k] >= end) continue;
          --tries;
          better = offer(moved) || better;
        }
      }
    }
  }

  const std::vector<int>& best() const { return best_; }

 private:
  const PlanScope& scope_;
  const MicroBatchPlan& micro_batches_;
  const Schedule& schedule_;
  int stages_;
  SearchEffort* effort_;
  double least_ = std::numeric_limits<double>::infinity();
  std::vector<int> best_;
};

}  // namespace

std::vector<std::string> balanced_cuts(const HardwareSpec& hardware, const Network& network,
                                       const TrainSpec& train, const MicroBatchPlan& micro_batches,
                                       const Schedule& schedule, int stages,
                                       RecomputeKind recompute, SearchEffort* effort) {
  const int layers = static_cast<int>(network.layers.size());
  if (stages < 1 || stages > layers) {
    throw UserError("/pipeline/partition/balanced: found " + std::to_string(stages) +
                    "; allowed: from 1 to the network's " + std::to_string(layers) + " layers");
  }
  PlanScope scope = plan_scope(hardware, network, train, micro_batches, schedule);
  scope.recompute.kind = recompute;
  std::vector<int> begins;
  if (hardware.mapping.kind == MappingKind::balanced) {
    begins =
        CoresAndCuts(scope, stages, slots_of(schedule, stages, micro_batches), effort).begins();
  }
  // Too few cores for any cuts is told when the stages are mapped.
  if (begins.empty()) begins = begins_of(RunLoads(scope, stages, effort), layers, stages);
  if (hardware.memory_policy == MemoryPolicy::spill && hardware.dram) {
    FastestOf fastest(scope, micro_batches, schedule, stages, effort);
    fastest.offer(begins);
    fastest.offer_balanced(slots_of(schedule, stages, micro_batches));
    fastest.offer_equal();
    if (hardware.mapping.kind == MappingKind::one_core_per_stage)
      fastest.offer_balanced_cores(cores_available(hardware));
    fastest.improve();
    begins = fastest.best();
  }
  return cuts_of(network, begins);
}

}  // namespace stagecoach
