// SPDX-License-Identifier: Apache-2.0
// See progress.h.
#include "sim/app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sim/stats/number_text.h"

namespace stagecoach {

namespace {

constexpr int kBarWidth = 10;
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

std::string running_figures(const RunningFigures& running) {
  char text[80];
  std::snprintf(text, sizeof text, "  loss %.4f  accuracy %.1f %%", running.loss,
                100 * running.accuracy);
  return text;
}

/// A longer line would wrap, and the next could not be drawn over it.
std::size_t terminal_columns() {
  constexpr std::size_t kUsual = 80;
  winsize size = {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsual;
}

}  // namespace

std::string progress_line(std::int64_t done, std::int64_t worked, std::int64_t total,
                          double seconds, const std::optional<RunningFigures>& running) {
  const double share =
      total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 1.0;
  const int filled = static_cast<int>(share * kBarWidth);
  std::string bar(filled, '=');
  if (filled < kBarWidth) bar += '>' + std::string(kBarWidth - filled - 1, ' ');
  char text[16];
  std::snprintf(text, sizeof text, "%5.1f %%", 100.0 * share);
  std::string line = "[" + bar + "] " + text + "  " + with_separators(done) + " of " +
                     with_separators(total) + " samples";
  if (seconds > 0 && worked > 0) {
    const double rate = static_cast<double>(worked) / seconds;
    line += "  " + with_separators(std::llround(rate)) + "/s  " +
            time_left(static_cast<double>(std::max<std::int64_t>(total - done, 0)) / rate);
  }
  if (running) line += running_figures(*running);
  return line;
}

Progress::Progress(std::ostream& out, bool visible, std::int64_t total_samples)
    : out_(out),
      visible_(visible),
      total_(total_samples),
      begin_(Clock::now()),
      next_draw_(begin_ + kRedraw) {}

Progress::~Progress() { clear(); }

void Progress::restart() {
  begin_ = Clock::now();
  begin_samples_ = latest_samples_;
}

void Progress::update(std::int64_t samples_done, const std::optional<RunningFigures>& running) {
  if (!visible_) return;
  latest_samples_ = samples_done;
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedraw;
  std::string line = progress_line(samples_done, samples_done - begin_samples_, total_,
                                   std::chrono::duration<double>(now - begin_).count(), running);
  line.resize(std::min(line.size(), terminal_columns() - 1));
  const std::size_t width = line.size();
  if (width < drawn_width_) line += std::string(drawn_width_ - width, ' ');
  drawn_width_ = width;
  out_ << '\r' << line << std::flush;
}

bool ProgressSink::emit(const Op& op) {
  if (!next_.emit(op)) return false;
  if (progress_.visible() && op.stage == 0 && is_backward(op.pass)) {
    const MicroBatch gone = plan_.at(op.micro_batch);
    progress_.update(gone.epoch * plan_.samples_per_epoch() + gone.first_in_epoch + gone.samples,
                     running_ ? running_() : std::nullopt);
  }
  return true;
}

void Progress::clear() {
  if (drawn_width_ == 0) return;
  out_ << '\r' << std::string(drawn_width_, ' ') << '\r' << std::flush;
  drawn_width_ = 0;
}

}  // namespace stagecoach
