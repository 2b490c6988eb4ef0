// SPDX-License-Identifier: Apache-2.0
// How far a run has come, for a person who watches: a bar with rate, time left, running loss and
// accuracy, on a terminal only, on stderr only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "models/training_result.h"

namespace stagecoach {

/// "[===>      ]  42.0 %  12,345 of 60,000 samples  1,234/s  38 s left  loss 0.3421  accuracy 91.2
/// %" `seconds`: that the last `worked` of the samples done took. `running`: of the epoch so far,
/// if anything is known.
std::string progress_line(std::int64_t done, std::int64_t worked, std::int64_t total,
                          double seconds, const std::optional<RunningFigures>& running);

class Progress {
 public:
  /// Draws on `out` if `visible`; to watch a terminal: Progress(std::cerr, isatty(2), total).
  Progress(std::ostream& out, bool visible, std::int64_t total_samples);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap enough to call per sample: draws five times a second at most. One thread only.
  void update(std::int64_t samples_done, const std::optional<RunningFigures>& running);

  /// The samples so far took next to no time: rate and time left count from here.
  void restart();

  bool visible() const { return visible_; }

  /// Wipes the bar, so that what follows starts on a clean line. The destructor does it too.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  const bool visible_;
  std::int64_t total_;
  std::int64_t begin_samples_ = 0;
  std::int64_t latest_samples_ = 0;
  std::size_t drawn_width_ = 0;
  Clock::time_point begin_;
  Clock::time_point next_draw_;
};

/// Hands operations on and draws how many samples have gone through the whole pipeline.
class ProgressSink : public OpSink {
 public:
  /// `running`: loss and accuracy so far; null where no numbers are computed.
  ProgressSink(OpSink& next, Progress& progress, const MicroBatchPlan& plan,
               std::function<std::optional<RunningFigures>()> running)
      : next_(next), progress_(progress), plan_(plan), running_(std::move(running)) {}

  bool emit(const Op& op) override;

 private:
  OpSink& next_;
  Progress& progress_;
  const MicroBatchPlan& plan_;
  std::function<std::optional<RunningFigures>()> running_;
};

}  // namespace stagecoach
