// SPDX-License-Identifier: Apache-2.0
#include "sim/app/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace stagecoach {
namespace {

/// A handler can reach nothing but a global. Atomic, for any thread may get the signal.
std::atomic<std::sig_atomic_t> noted_signal{0};
static_assert(decltype(noted_signal)::is_always_lock_free);

constexpr char kNotice[] =
    "\nstagecoach: interrupted; results up to here follow (once more: end at once)\n";

/// Async-signal-safe: calls write, signal and raise only.
void note(int signal) {
  std::sig_atomic_t none = 0;
  if (noted_signal.compare_exchange_strong(none, signal)) {
    const ssize_t ignored = ::write(STDERR_FILENO, kNotice, sizeof kNotice - 1);
    static_cast<void>(ignored);
  } else {
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // ends the program when this handler returns
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

SignalWatch::SignalWatch() {
  noted_signal = 0;
  for (std::size_t i = 0; i < kSignals.size(); ++i) watch(kSignals[i], before_[i]);
}

SignalWatch::~SignalWatch() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

bool InterruptibleSink::emit(const Op& op) {
  const bool enters = op.stage == 0 && op.pass == Pass::forward;
  if (enters) stopped_by_ = noted_signal.load(std::memory_order_relaxed);
  return stopped_by_ == 0 && next_.emit(op);
}

}  // namespace stagecoach
