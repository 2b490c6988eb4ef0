// SPDX-License-Identifier: Apache-2.0
// Bisection over the greatest load; for one limit, dynamic programming for the place in the row of
// all cores where the stages so far end. Groups stand in that row one after the other, and a stage
// lies within one of them. An earlier place is never worse for the stages behind. With one group
// the place is the number of cores.
#include "sim/plan/cores_and_cuts.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "sim/plan/balanced_mapping.h"
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

/// The place up to which the first layers in so many stages take cores, and where the least value
/// behind each place stands.
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

/// A group of cores in the row of all cores.
struct GroupInRow {
  int group;  ///< index in HardwareSpec::cores
  std::int64_t begin, end;

  /// Where a stage ends that takes cores behind `place`; kTooMany if the group has no room.
  std::int64_t after(std::int64_t place, std::int64_t cores) const {
    const std::int64_t last = std::max(place, begin) + cores;
    return last > end ? kTooMany : last;
  }
};

/// The run of a stage with a given end: where it begins, and the place of its group in the row.
struct Choice {
  int first = 0;
  std::size_t row = 0;
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
        cores_(cores_available(*scope.hardware)),
        split_(scope.hardware->mapping.split_forward_backward) {
    for (const CoreSpec& group : scope.hardware->cores) {
      Priced priced;
      for (std::int64_t n = 1; n <= group.count;
           n += std::max<std::int64_t>(1, n > 64 ? n / 20 : 1))
        priced.counts.push_back(n);
      priced.sums.resize(priced.counts.size());
      priced_.push_back(std::move(priced));
    }
  }

  std::vector<int> begins() {
    if (scope_.units(stages_) > cores_) return {};
    std::vector<int> best;
    for (const std::vector<int>& order : orders_of_groups(*scope_.hardware)) {
      row_.clear();
      for (const int g : order) {
        const std::int64_t begin = row_.empty() ? 0 : row_.back().end;
        row_.push_back({g, begin, begin + scope_.hardware->cores[index(g)].count});
      }
      std::vector<int> found = best.empty() ? begins_of_order() : begins_below(limit_);
      if (!found.empty()) best = std::move(found);
    }
    return best;
  }

 private:
  /// The least limit within which this order of groups has begins, which are returned; the limit
  /// stays in limit_.
  std::vector<int> begins_of_order() {
    // One core each holds any run within the whole network's load on one.
    double high = 0;
    for (const GroupInRow& g : row_) high = std::max(high, load(g.group, 0, 0, layers_, false));
    const double easy = limit_of_equal_cuts(high);
    std::vector<int> best;
    if (easy > high) {
      best = begins_within(high);
      if (best.empty()) return {};
    }
    return bisected(high, easy, std::move(best));
  }

  /// The same where it is less than a limit that is known; else empty.
  std::vector<int> begins_below(double limit) {
    const double high = limit - 0.5;
    std::vector<int> best = begins_within(high);
    if (best.empty()) return {};
    return bisected(high, std::numeric_limits<double>::infinity(), std::move(best));
  }

  /// `best`: begins within `high`, or empty if these are still to be found. No search is needed for
  /// a limit from `easy` on.
  std::vector<int> bisected(double high, double easy, std::vector<int> best) {
    for (double low = 0; high - low > 0.5;) {  // loads are whole cycles, or fractions of them
      const double middle = (low + high) / 2;
      if (middle >= easy) {
        high = middle;
        continue;
      }
      std::vector<int> found = begins_within(middle);
      (found.empty() ? low : high) = middle;
      if (!found.empty()) best = std::move(found);
    }
    limit_ = high;
    return best.empty() ? begins_within(high) : best;
  }

  bool two_units(int end) const { return split_ && (scope_.turnaround > 0 || end < layers_); }
  int last_end(int k) const { return layers_ - (stages_ - 1 - k); }

  /// Fewest cores of a group whose buffers hold the run as stage k. Slow, so asked for chosen runs
  /// alone.
  std::int64_t least(int group, int k, int first, int end) {
    std::int64_t& known = least_[{group, k, end}][first];
    if (known == 0) {
      spend(effort_, kLooksOfNeeds);
      const auto [parts, stage] = partition_around(scope_, first, end);
      PlanScope scope = scope_;
      scope.partition = &parts;
      const int units = two_units(end) ? 2 : 1;
      known = units * least_cores(scope, group, stage, slots_[index(k)], units);
    }
    return known;
  }

  double load(int group, std::size_t count, int first, int end, bool split) {
    spend(effort_, 1);
    Priced& priced = priced_[index(group)];
    const Service service{group, priced.counts[count]};
    std::optional<PrefixSums>& sums = priced.sums[count];
    if (!sums) sums = prefix_sums(scope_, service);
    return stage_load(
        scope_, cost_of_run(scope_, {service, service, split}, *sums, *sums, first, end), split);
  }

  /// Fewest cores of a group with which the run stays within the limit.
  std::int64_t fewest(int group, int first, int end, double limit) {
    const std::vector<std::int64_t>& counts = priced_[index(group)].counts;
    const bool two = two_units(end);
    std::size_t low = 0, high = counts.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (load(group, middle, first, end, two) <= limit) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low == counts.size() ? kTooMany : counts[low] * (two ? 2 : 1);
  }

  /// A limit for which equal numbers of layers will do, below `high` and near the least one: no
  /// search is needed from there on. Infinite if they need too many cores.
  double limit_of_equal_cuts(double high) {
    const auto cut = [this](int k) {
      return static_cast<int>(std::int64_t{k} * layers_ / stages_);
    };
    const auto suffices = [&](double limit) {
      std::int64_t place = 0;
      for (int k = 0; k < stages_ && place <= cores_; ++k) {
        std::int64_t next = kTooMany;
        for (std::size_t r = 0; r < row_.size() && next == kTooMany; ++r) {
          const int group = row_[r].group, first = cut(k), end = cut(k + 1);
          next = row_[r].after(
              place, std::max(fewest(group, first, end, limit), least(group, k, first, end)));
        }
        place = next;
      }
      return place <= cores_;
    };
    if (!suffices(high)) return std::numeric_limits<double>::infinity();
    for (double low = 0; high - low > high / 64;) {
      const double middle = (low + high) / 2;
      (suffices(middle) ? high : low) = middle;
    }
    return high;
  }

  /// For each group of the row.
  std::vector<Reach> reaches_within(double limit) {
    std::vector<Reach> reaches;
    for (const GroupInRow& in_row : row_) {
      const int group = in_row.group;
      const std::vector<std::int64_t>& counts = priced_[index(group)].counts;
      // The other stages have a core each at least.
      const auto most = std::upper_bound(counts.begin(), counts.end(), cores_ - (stages_ - 1));
      reaches.emplace_back(layers_, static_cast<int>(most - counts.begin()),
                           [&](int count, int first, int end) {
                             return load(group, index(count), first, end, two_units(end)) <= limit;
                           });
    }
    return reaches;
  }

  /// The begins that take the least of the row; empty if it is too short.
  std::vector<int> begins_within(double limit) {
    const std::vector<Reach> reaches = reaches_within(limit);
    // Buffers may ask for more cores than the limit does. Only runs that were chosen are asked, and
    // what they answer counts in the next choice, until one holds.
    while (true) {
      std::vector<std::int64_t> none(index(layers_) + 1, kTooMany);
      none[0] = 0;
      Prefixes before(std::move(none));
      std::vector<std::vector<Choice>> choices;
      for (int k = 0; k < stages_; ++k) choices.push_back(add_stage(k, reaches, before));
      if (before.all() > cores_) return {};
      std::vector<int> begins(index(stages_));
      std::vector<std::pair<const GroupInRow*, std::int64_t>> taken(index(stages_));
      for (int k = stages_ - 1, end = layers_; k >= 0; end = begins[index(k)], --k) {
        const Choice& c = choices[index(k)][index(end)];
        const int group = row_[c.row].group;
        begins[index(k)] = c.first;
        taken[index(k)] = {&row_[c.row], std::max(fewest(group, c.first, end, limit),
                                                  least(group, k, c.first, end))};
      }
      std::int64_t place = 0;
      for (const auto& [group, cores] : taken) place = group->after(place, cores);
      if (place <= cores_) return begins;
    }
  }

  /// From the least places for the layers up to each one in k stages to those in k + 1; returns
  /// what stage k then holds.
  std::vector<Choice> add_stage(int k, const std::vector<Reach>& reaches, Prefixes& before) const {
    spend(effort_, layers_);
    std::vector<std::int64_t> next(index(layers_) + 1, kTooMany);
    std::vector<Choice> choices(index(layers_) + 1);
    for (int end = k + 1 == stages_ ? layers_ : k + 1; end <= last_end(k); ++end) {
      for (std::size_t r = 0; r < row_.size(); ++r)
        choose(k, end, r, reaches[r].of(end), before, next[index(end)], choices[index(end)]);
    }
    before = Prefixes(std::move(next));
    return choices;
  }

  /// Where the run of stage k with this end begins best if it has cores of one group: from the
  /// shortest run on, for a longer one needs no fewer cores, and the k stages before it one each.
  void choose(int k, int end, std::size_t row, const std::vector<Reach::Range>& ranges,
              const Prefixes& before, std::int64_t& best, Choice& choice) const {
    const GroupInRow& group = row_[row];
    const auto asked = least_.find({group.group, k, end});
    const bool plain = asked == least_.end();
    int behind = end;  // of the runs that need fewer cores
    for (const Reach::Range& range : ranges) {
      const int first = std::max(range.first, k);
      if (first >= behind) return;
      const std::int64_t here =
          priced_[index(group.group)].counts[index(range.count)] * (two_units(end) ? 2 : 1);
      if (std::max<std::int64_t>(k, group.begin) + here > std::min(best, group.end)) return;
      const auto offer = [&](int l) {
        std::int64_t cores = here;
        if (!plain) {
          const auto known = asked->second.find(l);
          if (known != asked->second.end()) cores = std::max(cores, known->second);
        }
        const std::int64_t place = group.after(before[l], cores);
        if (place > best || place >= kTooMany) return;
        best = place;
        choice = {l, row};
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

  /// Numbers of cores of a group that are looked at, and the prices on each.
  struct Priced {
    std::vector<std::int64_t> counts;
    std::vector<std::optional<PrefixSums>> sums;  ///< by place in counts, made when asked for
  };

  const PlanScope& scope_;
  SearchEffort* effort_;
  const std::vector<StageSlots>& slots_;  ///< by stage
  /// By group, stage and end of the run, then by its first layer.
  std::map<std::tuple<int, int, int>, std::map<int, std::int64_t>> least_;
  int layers_, stages_;
  std::int64_t cores_;  ///< of all groups
  bool split_;
  std::vector<Priced> priced_;   ///< by group
  std::vector<GroupInRow> row_;  ///< in the order that is looked at
  double limit_ = 0;             ///< the least one so far
};

}  // namespace

std::vector<int> begins_with_cores(const PlanScope& scope, int stages,
                                   const std::vector<StageSlots>& slots, SearchEffort* effort) {
  return CoresAndCuts(scope, stages, slots, effort).begins();
}

}  // namespace stagecoach
