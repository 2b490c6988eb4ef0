// SPDX-License-Identifier: Apache-2.0
#include "sim/app/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace stagecoach {
namespace {

/// A handler can reach nothing but a global. Atomic, for any thread may get the signal.
std::atomic<std::sig_atomic_t> noted_signal{0}, noted_signals{0}, silent{0};
static_assert(decltype(noted_signal)::is_always_lock_free);

/// A run that does nothing of what it should between two signals has so long to write its results.
constexpr unsigned kSecondsToEnd = 10;

constexpr char kFirstNotice[] =
    "\nstagecoach: interrupted; results so far follow (a second signal also stops a running "
    "evaluation)\n";
constexpr char kSecondNotice[] =
    "\nstagecoach: writes its results within 10 seconds, or ends without them (another signal: at "
    "once)\n";

template <std::size_t size>
void tell(const char (&notice)[size]) {
  if (silent.load()) return;
  const ssize_t ignored = ::write(STDERR_FILENO, notice, size - 1);
  static_cast<void>(ignored);
}

/// Ends the program, as the first signal would have done, when the handler returns.
void end_now(int) {
  const int signal = noted_signal.load();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// Async-signal-safe: calls write, signal, alarm and raise only.
void note(int signal) {
  std::sig_atomic_t none = 0;
  noted_signal.compare_exchange_strong(none, signal);
  switch (noted_signals.fetch_add(1)) {
    case 0:
      return tell(kFirstNotice);
    case 1:
      ::signal(SIGALRM, end_now);
      ::alarm(kSecondsToEnd);
      return tell(kSecondNotice);
    default:
      return end_now(signal);
  }
}

void watch(int signal, struct sigaction& before) {
  ::sigaction(signal, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

SignalWatch::SignalWatch(bool quiet) {
  noted_signal = noted_signals = 0;
  silent = quiet;
  for (std::size_t i = 0; i < kSignals.size(); ++i) watch(kSignals[i], before_[i]);
}

SignalWatch::~SignalWatch() {
  ::alarm(0);
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

int signals_noted() { return noted_signals.load(std::memory_order_relaxed); }

bool InterruptibleSink::stops() {
  if (stopped_by_ == 0) stopped_by_ = noted_signal.load(std::memory_order_relaxed);
  return stopped_by_ != 0;
}

bool InterruptibleSink::emit(const Op& op) { return !stops() && next_.emit(op); }

}  // namespace stagecoach
