// SPDX-License-Identifier: Apache-2.0
// How far a run has come, for a person who watches: a bar with rate and time left, on a terminal
// only, on stderr only.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace stagecoach {

/// "[=====>    ]  42.0 %  12,345 of 60,000 samples  1,234/s  38 s left"
std::string progress_line(std::int64_t done, std::int64_t total, double seconds);

class Progress {
 public:
  /// Draws on `out` if `visible`; to watch a terminal: Progress(std::cerr, isatty(2), total).
  Progress(std::ostream& out, bool visible, std::int64_t total_samples);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap enough to call per sample: draws five times a second at most. One thread only.
  void update(std::int64_t samples_done);

  /// Wipes the bar, so that what follows starts on a clean line. The destructor does it too.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  bool visible_;
  std::int64_t total_;
  std::size_t drawn_width_ = 0;
  Clock::time_point begin_;
  Clock::time_point next_draw_;
};

}  // namespace stagecoach
