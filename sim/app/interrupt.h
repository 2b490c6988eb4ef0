// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, kill and a terminal that goes away: the first SIGINT, SIGTERM or SIGHUP ends the run
// where it is, with its results; the second ends the program at once.
#pragma once

#include <signal.h>

#include <array>

#include "models/op.h"

namespace stagecoach {

/// While one of these lives, a first signal is noted and answered with a line on stderr. Signals
/// that were ignored (a shell's background jobs, nohup) stay ignored. One at a time.
class SignalWatch {
 public:
  SignalWatch();
  /// Signals do again what they did before.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  /// The last: the terminal or the connection has gone.
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_;
};

/// Hands operations on until a signal has been noted; then lets no further micro-batch in.
class InterruptibleSink : public OpSink {
 public:
  explicit InterruptibleSink(OpSink& next) : next_(next) {}

  bool emit(const Op& op) override;

  /// The signal that ended the run; 0: none did.
  int stopped_by() const { return stopped_by_; }

 private:
  OpSink& next_;
  int stopped_by_ = 0;
};

}  // namespace stagecoach
