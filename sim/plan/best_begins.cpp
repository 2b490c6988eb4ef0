// SPDX-License-Identifier: Apache-2.0
// Dynamic programming over (stage, end of its run), but only where a stage can end: a greedy cut
// bounds the greatest load, and the bound leaves each stage a narrow window of ends.
#include "sim/plan/best_begins.h"

#include <algorithm>
#include <limits>

namespace stagecoach {

namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();
/// Up to so many (stage, end) all are searched where loads do not quite rise with the run.
constexpr std::size_t kSmallTable = 1 << 14;

class BestBegins {
 public:
  BestBegins(const LoadOfRun& load, int layers, int stages)
      : load_(load), layers_(layers), stages_(stages), rows_(index(layers) + 1) {}

  std::vector<int> find() {
    const double greatest = least_greatest(bound());
    std::vector<int> begins;
    search(
        greatest, [](double load, double before) { return before + load * load; },
        [greatest](double) { return greatest; }, &begins);
    return begins;
  }

 private:
  /// Ends that a stage can have.
  struct Window {
    int least, most;
  };
  /// Loads of runs with one end, the shortest first.
  struct Row {
    int kind = -1;
    std::vector<double> loads;
  };

  static std::size_t index(int n) { return static_cast<std::size_t>(n); }
  /// As many layers as stages must be left behind stage k, and the last ends with the last layer.
  int last_end(int k) const { return layers_ - (stages_ - 1 - k); }

  /// The greatest load of the cut that gives each stage all that `limit` allows; infinite where
  /// that is no cut. `refused` becomes the least load that went beyond.
  double greedy(double limit, double& refused) const {
    double greatest = 0;
    refused = kImpossible;
    for (int k = 0, first = 0; k < stages_; ++k) {
      int end = first;
      for (double load = 0; end < last_end(k); ++end, greatest = std::max(greatest, load)) {
        load = load_(k, first, end + 1);
        if (load <= limit) continue;
        refused = std::min(refused, load);
        break;
      }
      if (end == first || (k + 1 == stages_ && end < layers_)) return kImpossible;
      first = end;
    }
    return greatest;
  }

  /// The greatest load of some cut, as small as bisection over greedy cuts finds.
  double bound() const {
    double high = 0, low = 0, refused = 0;
    for (int k = 0; k < stages_; ++k) {
      const auto cut = [this](int s) {
        return static_cast<int>(std::int64_t{s} * layers_ / stages_);
      };
      high = std::max(high, load_(k, cut(k), cut(k + 1)));
    }
    while (true) {
      const double middle = low + (high - low) / 2;
      if (middle <= low || middle >= high) return high;
      const double found = greedy(middle, refused);
      (found == kImpossible ? low : high) = found == kImpossible ? refused : found;
    }
  }

  /// Where each stage can end if no load exceeds `limit`: behind, because the stages before take
  /// no more, and before, because those behind take no more.
  std::vector<Window> windows(double limit) const {
    std::vector<Window> ends(index(stages_), Window{layers_, layers_});
    for (int k = 0, before = 0; k + 1 < stages_; ++k) {
      const auto fits = [&](int end) { return load_(k, std::min(before, end - 1), end) <= limit; };
      int end = before + 1;
      if (fits(end)) {
        while (end < last_end(k) && fits(end + 1)) ++end;
      } else {
        while (end > k + 1 && !fits(end)) --end;
      }
      ends[index(k)].most = before = end;
    }
    for (int k = stages_ - 2, behind = layers_; k >= 0; --k) {
      const auto fits = [&](int end) {
        return load_(k + 1, end, std::max(behind, end + 1)) <= limit;
      };
      int end = behind - 1;
      if (fits(end)) {
        while (end > k + 1 && fits(end - 1)) --end;
      } else {
        while (end < last_end(k) && !fits(end)) ++end;
      }
      ends[index(k)].least = behind = end;
    }
    return ends;
  }

  std::vector<Window> all_ends() const {
    std::vector<Window> ends;
    for (int k = 0; k < stages_; ++k)
      ends.push_back({k + 1 == stages_ ? layers_ : k + 1, last_end(k)});
    return ends;
  }

  double known(int k, int first, int end) {
    Row& row = rows_[index(end)];
    if (row.kind != kind_) {
      row.kind = kind_;
      row.loads.clear();
    }
    for (int f = end - 1 - static_cast<int>(row.loads.size()); f >= first; --f)
      row.loads.push_back(load_(k, f, end));
    return row.loads[index(end - 1 - first)];
  }

  double least_greatest(double bound) {
    return search(
        bound, [](double load, double before) { return std::max(load, before); },
        [bound](double best) { return std::min(bound, best); }, nullptr);
  }

  /// The least total(load, total of the stages before) with no load above `bound`. No run with a
  /// load above `limit(best so far)` can serve: a longer run costs no less, so that the search for
  /// one end stops there.
  template <class Total, class Limit>
  double search(double bound, Total total, Limit limit, std::vector<int>* begins) {
    const double slack = load_.slack();
    const bool small = index(stages_) * index(layers_) <= kSmallTable;
    const double total_in_windows =
        slack > 0 && small ? kImpossible
                           : search_in(windows(bound * (1 + slack)), total, limit, begins);
    // Runs that break the rule may have no cut in the windows.
    return total_in_windows < kImpossible ? total_in_windows
                                          : search_in(all_ends(), total, limit, begins);
  }

  template <class Total, class Limit>
  double search_in(const std::vector<Window>& ends, Total total, Limit limit,
                   std::vector<int>* begins) {
    std::vector<std::vector<int>> begin(begins ? ends.size() : 0);
    std::vector<double> before{0}, best;
    Window from{0, 0};
    for (int k = 0; k < stages_; ++k) {
      if (k == 0 || !load_.as_before(k)) ++kind_;
      const Window& here = ends[index(k)];
      const auto places = index(std::max(0, here.most - here.least + 1));
      best.assign(places, kImpossible);
      std::vector<int> begin_here(places, 0);
      for (int end = here.least; end <= here.most; ++end) {
        double& least = best[index(end - here.least)];
        for (int first = std::min(from.most, end - 1); first >= from.least; --first) {
          const double load = known(k, first, end);
          if (load > limit(least)) break;
          const double so_far = before[index(first - from.least)];
          if (so_far == kImpossible || total(load, so_far) > least) continue;
          least = total(load, so_far);
          begin_here[index(end - here.least)] = first;
        }
      }
      if (begins) begin[index(k)] = std::move(begin_here);
      before.swap(best);
      from = here;
    }
    if (begins && before.back() < kImpossible) {
      begins->assign(index(stages_), 0);
      for (int k = stages_ - 1, end = layers_; k >= 0; end = (*begins)[index(k)], --k)
        (*begins)[index(k)] = begin[index(k)][index(end - ends[index(k)].least)];
    }
    return before.back();
  }

  const LoadOfRun& load_;
  int layers_, stages_;
  int kind_ = 0;  ///< of the stages whose loads rows_ may know
  std::vector<Row> rows_;
};

}  // namespace

std::vector<int> best_begins(const LoadOfRun& load, int layers, int stages) {
  return BestBegins(load, layers, stages).find();
}

}  // namespace stagecoach
