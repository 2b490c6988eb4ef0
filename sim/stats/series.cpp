// SPDX-License-Identifier: Apache-2.0
// Bounded series.
#include "sim/stats/series.h"

#include <algorithm>

namespace stagecoach {
namespace {

/// Adds the second of each pair to the first and keeps those.
template <typename T, typename Join>
void merge_pairs(std::vector<T>& series, Join join) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < series.size(); i += 2) {
    T first = series[i];
    if (i + 1 < series.size()) join(first, series[i + 1]);
    series[kept++] = first;
  }
  series.resize(kept);
}

void keep_larger(MemorySample& a, const MemorySample& b) {
  a.activation_micro_batches = std::max(a.activation_micro_batches, b.activation_micro_batches);
  a.gradient_micro_batches = std::max(a.gradient_micro_batches, b.gradient_micro_batches);
  a.stashed_versions = std::max(a.stashed_versions, b.stashed_versions);
  a.backward_micro_batches = std::max(a.backward_micro_batches, b.backward_micro_batches);
}

}  // namespace

int longest_series(int most, int stages) {
  constexpr int kWhole = 1024, kLeast = 32;
  // Halves: a vector that grows by doubling then has no room to spare.
  for (; stages > kWhole && most >= 2 * kLeast; stages = (stages + 1) / 2) most /= 2;
  return most;
}

CycleAccount::CycleAccount(Cycles window_cycles, int max_windows)
    : window_cycles_(std::max<Cycles>(window_cycles, 1)), max_windows_(std::max(max_windows, 2)) {
  open_window();
}

void CycleAccount::open_window() {
  if (windows_.size() == max_windows_) {
    merge_pairs(windows_, [](StageWindow& a, const StageWindow& b) {
      a.cycles += b.cycles;
      a.micro_batches += b.micro_batches;
      a.staleness_sum += b.staleness_sum;
    });
    window_cycles_ *= 2;
    // An odd number of windows leaves the last one half full: it goes on.
    if (until_ < windows_.back().begin + window_cycles_) return;
  }
  StageWindow window;
  window.begin = static_cast<std::int64_t>(windows_.size()) * window_cycles_;
  windows_.push_back(window);
}

/// The same beyond the end of a window.
void CycleAccount::book_windows(CycleKind kind, Cycles to) {
  while (to > windows_.back().begin + window_cycles_) {
    const Cycles end = windows_.back().begin + window_cycles_;
    windows_.back().cycles[kind] += end - until_;
    until_ = end;
    open_window();
  }
  windows_.back().cycles[kind] += to - until_;
  until_ = to;
}

StageCycles CycleAccount::totals() const {
  StageCycles totals;
  for (const StageWindow& window : windows_) totals += window.cycles;
  return totals;
}

void CycleAccount::count_micro_batches(Cycles time, std::int64_t micro_batches,
                                       std::int64_t staleness_sum) {
  // What ends with a window belongs to it. Mostly that is the last one.
  std::size_t place = windows_.size() - 1;
  if (time <= windows_[place].begin) place = time > 0 ? (time - 1) / window_cycles_ : 0;
  StageWindow& window = windows_[place];
  window.micro_batches += micro_batches;
  window.staleness_sum += staleness_sum;
}

void MemorySeries::note(const MemorySample& sample) {
  const Cycles begin = interval_of(sample.time);
  if (!samples_.empty() && begin <= interval_of(samples_.back().time)) {
    keep_larger(samples_.back(), sample);
  } else {
    MemorySample next = sample;
    // What was held when the interval began counts, too, unless nothing lies between.
    if (sample.time > begin) keep_larger(next, latest_);
    if (sample.time > begin) next.time = begin;
    samples_.push_back(next);
    while (samples_.size() > max_points_) thin();
  }
  latest_ = sample;
}

void MemorySeries::thin() {
  interval_ *= 2;
  std::size_t kept = 0;
  MemorySample before;  // as the interval began
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const MemorySample sample = samples_[i];
    const Cycles begin = interval_of(sample.time);
    if (kept > 0 && samples_[kept - 1].time == begin) {
      keep_larger(samples_[kept - 1], sample);
    } else {
      MemorySample next = sample;
      if (sample.time > begin) keep_larger(next, before);
      next.time = begin;
      samples_[kept++] = next;
    }
    before = sample;
  }
  samples_.resize(kept);
}

}  // namespace stagecoach
