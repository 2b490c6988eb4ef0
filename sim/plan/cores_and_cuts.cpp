// SPDX-License-Identifier: Apache-2.0
// Bisection over the greatest load; for one limit, dynamic programming for the fewest cores.
#include "sim/plan/cores_and_cuts.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "sim/plan/mapping.h"
#include "sim/plan/run_loads.h"

namespace stagecoach {

namespace {

constexpr std::int64_t kTooMany = std::numeric_limits<std::int64_t>::max() / 2;

std::size_t index(std::int64_t n) { return static_cast<std::size_t>(n); }

/// The first place in [from, end) of which `is` holds, which holds from some place on: looks near
/// `from` first.
template <class Is>
int first_place(int from, int end, const Is& is) {
  int low = from, step = 1;  // nothing before `low`
  while (low + step - 1 < end && !is(low + step - 1)) {
    low += step;
    step *= 2;
  }
  for (int high = std::min(end, low + step - 1); low < high;) {
    const int middle = low + (high - low) / 2;
    if (is(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/// For one limit on loads: how far back a run with a given end may begin on a number of cores. A
/// longer run needs no fewer, so that all runs with one end are some ranges of first layers.
class Reach {
 public:
  struct Range {
    int count;  ///< place of the number of cores
    int first;  ///< of the longest run; shorter ones reach to the range before
  };

  /// `within(count, first, end)`: is the run within the limit on that number of cores?
  template <class Within>
  Reach(int layers, int counts, const Within& within) : ranges_(index(layers) + 1) {
    for (int end = 1; end <= layers; ++end) {
      for (int first = end, count = 0; first > 0;) {
        count = first_place(count, counts, [&](int c) { return within(c, first - 1, end); });
        if (count == counts) break;
        // How many layers more, and not the first that is too many.
        first = first - first_place(1, first, [&](int more) {
                  return !within(count, first - 1 - more, end);
                });
        ranges_[index(end)].push_back({count, first});
      }
    }
  }

  /// The fewest cores and the shortest runs first.
  const std::vector<Range>& of(int end) const { return ranges_[index(end)]; }

 private:
  std::vector<std::vector<Range>> ranges_;
};

/// Fewest cores of the first layers in so many stages, and where the least value behind each
/// place stands.
class Prefixes {
 public:
  explicit Prefixes(std::vector<std::int64_t> cores)
      : cores_(std::move(cores)), least_behind_(cores_.size()) {
    for (std::size_t l = cores_.size(); l-- > 0;) {
      const bool here = l + 1 == cores_.size() || cores_[l] <= cores_[index(least_behind_[l + 1])];
      least_behind_[l] = here ? static_cast<int>(l) : least_behind_[l + 1];
    }
  }
  std::int64_t operator[](int layers) const { return cores_[index(layers)]; }
  std::int64_t all() const { return cores_.back(); }
  /// The first of the least values from `layers` on.
  int least_from(int layers) const { return least_behind_[index(layers)]; }

 private:
  std::vector<std::int64_t> cores_;
  std::vector<int> least_behind_;
};

class CoresAndCuts {
 public:
  CoresAndCuts(const PlanScope& scope, int stages, const std::vector<StageSlots>& slots,
               SearchEffort* effort)
      : scope_(scope),
        effort_(effort),
        slots_(slots),
        layers_(static_cast<int>(scope.network->layers.size())),
        stages_(stages),
        cores_(scope.hardware->cores[0].count),
        split_(scope.hardware->mapping.split_forward_backward) {
    for (std::int64_t n = 1; n <= cores_; n += std::max<std::int64_t>(1, n > 64 ? n / 20 : 1))
      counts_.push_back(n);
    sums_.resize(counts_.size());
  }

  std::vector<int> begins() {
    if (scope_.units(stages_) > cores_) return {};
    // One core each holds any run within the whole network's load on one.
    double high = load(0, 0, layers_, false), low = 0;
    const double easy = limit_of_equal_cuts(high);
    std::vector<int> best;
    if (easy > high) {
      best = begins_within(high);
      if (best.empty()) return {};
    }
    while (high - low > 0.5) {  // loads are whole cycles, or fractions of a micro-batch
      const double middle = (low + high) / 2;
      if (middle >= easy) {
        high = middle;
        continue;
      }
      std::vector<int> found = begins_within(middle);
      (found.empty() ? low : high) = middle;
      if (!found.empty()) best = std::move(found);
    }
    return best.empty() ? begins_within(high) : best;
  }

 private:
  bool two_units(int end) const { return split_ && (scope_.turnaround > 0 || end < layers_); }
  int last_end(int k) const { return layers_ - (stages_ - 1 - k); }

  /// Fewest cores whose buffers hold the run as stage k. Slow, so asked for chosen runs alone.
  std::int64_t least(int k, int first, int end) {
    std::int64_t& known = least_[{k, end}][first];
    if (known == 0) {
      spend(effort_, kLooksOfNeeds);
      const auto [parts, stage] = partition_around(scope_, first, end);
      PlanScope scope = scope_;
      scope.partition = &parts;
      const int units = two_units(end) ? 2 : 1;
      known = units * least_cores(scope, stage, slots_[index(k)], units);
    }
    return known;
  }

  double load(std::size_t count, int first, int end, bool split) {
    spend(effort_, 1);
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
    std::size_t low = 0, high = counts_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (load(middle, first, end, two) <= limit) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low == counts_.size() ? kTooMany : counts_[low] * (two ? 2 : 1);
  }

  /// A limit for which equal numbers of layers will do, below `high` and near the least one: no
  /// search is needed from there on. Infinite if they need too many cores.
  double limit_of_equal_cuts(double high) {
    const auto cut = [this](int k) {
      return static_cast<int>(std::int64_t{k} * layers_ / stages_);
    };
    const auto suffices = [&](double limit) {
      std::int64_t total = 0;
      for (int k = 0; k < stages_ && total <= cores_; ++k)
        total += std::max(fewest(cut(k), cut(k + 1), limit), least(k, cut(k), cut(k + 1)));
      return total <= cores_;
    };
    if (!suffices(high)) return std::numeric_limits<double>::infinity();
    for (double low = 0; high - low > high / 64;) {
      const double middle = (low + high) / 2;
      (suffices(middle) ? high : low) = middle;
    }
    return high;
  }

  /// The begins that need the fewest cores; empty if there are not as many.
  std::vector<int> begins_within(double limit) {
    // The other stages have a core each at least.
    const auto most = std::upper_bound(counts_.begin(), counts_.end(), cores_ - (stages_ - 1));
    const Reach reach(layers_, static_cast<int>(most - counts_.begin()),
                      [&](int count, int first, int end) {
                        return load(index(count), first, end, two_units(end)) <= limit;
                      });
    // Buffers may ask for more cores than the limit does. Only runs that were chosen are asked, and
    // what they answer counts in the next choice, until one holds.
    while (true) {
      std::vector<std::int64_t> none(index(layers_) + 1, kTooMany);
      none[0] = 0;
      Prefixes before(std::move(none));
      std::vector<std::vector<int>> begin;
      for (int k = 0; k < stages_; ++k) begin.push_back(add_stage(k, reach, before));
      if (before.all() > cores_) return {};
      std::vector<int> begins;
      std::int64_t total = 0;
      for (int k = stages_ - 1, end = layers_; k >= 0; end = begins.back(), --k) {
        const int first = begin[index(k)][index(end)];
        total += std::max(fewest(first, end, limit), least(k, first, end));
        begins.push_back(first);
      }
      if (total > cores_) continue;
      std::reverse(begins.begin(), begins.end());
      return begins;
    }
  }

  /// From the fewest cores for the layers up to each one in k stages to those in k + 1; returns
  /// where stage k then begins.
  std::vector<int> add_stage(int k, const Reach& reach, Prefixes& before) const {
    spend(effort_, layers_);
    std::vector<std::int64_t> next(index(layers_) + 1, kTooMany);
    std::vector<int> begin(index(layers_) + 1, 0);
    for (int end = k + 1 == stages_ ? layers_ : k + 1; end <= last_end(k); ++end)
      choose(k, end, reach.of(end), before, next[index(end)], begin[index(end)]);
    before = Prefixes(std::move(next));
    return begin;
  }

  /// Where the run of stage k with this end begins best: from the shortest run on, for a longer one
  /// needs no fewer cores, and the k stages before it one each.
  void choose(int k, int end, const std::vector<Reach::Range>& ranges, const Prefixes& before,
              std::int64_t& best, int& begin) const {
    const auto asked = least_.find({k, end});
    const bool plain = asked == least_.end();
    int behind = end;  // of the runs that need fewer cores
    for (const Reach::Range& range : ranges) {
      const int first = std::max(range.first, k);
      if (first >= behind) return;
      const std::int64_t here = counts_[index(range.count)] * (two_units(end) ? 2 : 1);
      if (k + here > std::min(best, cores_)) return;
      const auto offer = [&](int l) {
        std::int64_t total = here;
        if (!plain) {
          const auto known = asked->second.find(l);
          if (known != asked->second.end()) total = std::max(total, known->second);
        }
        total += before[l];
        if (total > best || before[l] + here > cores_ || total >= kTooMany) return;
        best = total;
        begin = l;
      };
      // All of the range need as many cores: the least before them is the best of it. Where a
      // shorter run has no more before it, that one has been the better.
      const int least = before.least_from(first);
      if (plain && least < behind) {
        offer(least);
      } else if (!plain || least >= end) {
        for (int l = behind - 1; l >= first; --l) offer(l);
      }
      behind = first;
    }
  }

  const PlanScope& scope_;
  SearchEffort* effort_;
  const std::vector<StageSlots>& slots_;  ///< by stage
  /// By stage and end of the run, then by its first layer.
  std::map<std::pair<int, int>, std::map<int, std::int64_t>> least_;
  int layers_, stages_;
  std::int64_t cores_;
  bool split_;
  std::vector<std::int64_t> counts_;
  std::vector<std::optional<PrefixSums>> sums_;  ///< by place in counts_, made when asked for
};

}  // namespace

std::vector<int> begins_with_cores(const PlanScope& scope, int stages,
                                   const std::vector<StageSlots>& slots, SearchEffort* effort) {
  return CoresAndCuts(scope, stages, slots, effort).begins();
}

}  // namespace stagecoach
