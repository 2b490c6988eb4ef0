// SPDX-License-Identifier: Apache-2.0
// See progress.h.
#include "sim/app/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sim/stats/terminal_summary.h"

namespace stagecoach {

namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw{200};

std::string time_left(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  char text[48];
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%d s left", static_cast<int>(whole));
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%d min %02d s left", static_cast<int>(whole / 60),
                  static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld h %02d min left", static_cast<long long>(whole / 3600),
                  static_cast<int>(whole / 60 % 60));
  }
  return text;
}

}  // namespace

std::string progress_line(std::int64_t done, std::int64_t total, double seconds) {
  const double share =
      total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 1.0;
  const int filled = static_cast<int>(share * kBarWidth);
  std::string bar(filled, '=');
  if (filled < kBarWidth) bar += '>' + std::string(kBarWidth - filled - 1, ' ');
  char text[16];
  std::snprintf(text, sizeof text, "%5.1f %%", 100.0 * share);
  std::string line = "[" + bar + "] " + text + "  " + with_separators(done) + " of " +
                     with_separators(total) + " samples";
  if (seconds > 0 && done > 0) {
    const double rate = static_cast<double>(done) / seconds;
    line += "  " + with_separators(std::llround(rate)) + "/s  " +
            time_left(static_cast<double>(std::max<std::int64_t>(total - done, 0)) / rate);
  }
  return line;
}

Progress::Progress(std::ostream& out, bool visible, std::int64_t total_samples)
    : out_(out),
      visible_(visible),
      total_(total_samples),
      begin_(Clock::now()),
      next_draw_(begin_ + kRedraw) {}

Progress::~Progress() { clear(); }

void Progress::update(std::int64_t samples_done) {
  if (!visible_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedraw;
  std::string line =
      progress_line(samples_done, total_, std::chrono::duration<double>(now - begin_).count());
  const std::size_t width = line.size();
  if (width < drawn_width_) line += std::string(drawn_width_ - width, ' ');
  drawn_width_ = width;
  out_ << '\r' << line << std::flush;
}

void Progress::clear() {
  if (drawn_width_ == 0) return;
  out_ << '\r' << std::string(drawn_width_, ' ') << '\r' << std::flush;
  drawn_width_ = 0;
}

}  // namespace stagecoach
