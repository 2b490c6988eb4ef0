// SPDX-License-Identifier: Apache-2.0
// Series over simulated time that never outgrow their bound: where the cycles of a stage went, and
// what it held. When a series is full, neighbours merge, so that what is kept depends on the
// simulated run alone.
#pragma once

#include <utility>
#include <vector>

#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// How long a series of each of so many stages may be, if one of a thousand may have `most`: those
/// of all stages together stay within some ten megabytes.
int longest_series(int most, int stages);

/// Books every cycle of a stage to one kind, in order of time, as totals and by window.
class CycleAccount {
 public:
  /// Windows start `window_cycles` long (at least 1) and double when `max_windows` are full.
  CycleAccount(Cycles window_cycles, int max_windows);

  /// Everything before this time is booked.
  Cycles until() const { return until_; }
  /// Books [until(), to) as `kind`; nothing if `to` is not later than until().
  void book(CycleKind kind, Cycles to) {
    if (to <= until_) return;
    StageWindow& window = windows_.back();
    if (to > window.begin + window_cycles_) return book_windows(kind, to);
    window.cycles[kind] += to - until_;
    until_ = to;
  }
  /// Counts micro-batches that were finished at `time`, with the sum of their staleness.
  void count_micro_batches(Cycles time, std::int64_t micro_batches, std::int64_t staleness_sum);

  StageCycles totals() const;
  const std::vector<StageWindow>& windows() const { return windows_; }
  /// Hands them over, when everything is booked.
  std::vector<StageWindow> take_windows() { return std::move(windows_); }

 private:
  void book_windows(CycleKind kind, Cycles to);
  void open_window();

  Cycles until_ = 0;
  Cycles window_cycles_;
  std::size_t max_windows_;
  std::vector<StageWindow> windows_;
};

/// Occupancy over time: the largest values of every interval in which something changed.
class MemorySeries {
 public:
  /// Intervals start one cycle long and double when `max_points` are full.
  explicit MemorySeries(int max_points) : max_points_(max_points) {}

  /// What is held from sample.time on. Times must not decrease.
  void note(const MemorySample& sample);
  const std::vector<MemorySample>& samples() const { return samples_; }
  /// Hands them over, when all is noted.
  std::vector<MemorySample> take_samples() { return std::move(samples_); }

 private:
  void thin();
  /// Where the interval of a time begins; lengths are powers of two.
  Cycles interval_of(Cycles time) const { return time.count() & ~(interval_.count() - 1); }

  Cycles interval_ = 1;
  std::size_t max_points_;
  MemorySample latest_;  ///< held now, which the next interval starts with
  std::vector<MemorySample> samples_;
};

}  // namespace stagecoach
