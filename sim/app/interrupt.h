// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, kill and a terminal that goes away: the first SIGINT, SIGTERM or SIGHUP ends the run at
// its next operation, with its results. The second gives up an evaluation that is under way, too,
// and gives the program ten seconds to write them; after that, or with the third, it ends as it is,
// with the results that are on disk already.
#pragma once

#include <signal.h>

#include <array>

#include "models/op.h"

namespace stagecoach {

/// While one of these lives, a first signal is noted and answered with a line on stderr, unless
/// `quiet`. Signals that were ignored (a shell's background jobs, nohup) stay ignored. One at a
/// time.
class SignalWatch {
 public:
  explicit SignalWatch(bool quiet);
  /// Signals do again what they did before.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  /// The last: the terminal or the connection has gone.
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_;
};

/// Signals that the one that lives has noted.
int signals_noted();

/// Hands operations on until a signal has been noted.
class InterruptibleSink : public OpSink {
 public:
  explicit InterruptibleSink(OpSink& next) : next_(next) {}

  bool emit(const Op& op) override;

  /// Whether a signal has been noted, for whatever hands over no operations for long.
  bool stops();

  /// The signal that ended the run; 0: none did.
  int stopped_by() const { return stopped_by_; }

 private:
  OpSink& next_;
  int stopped_by_ = 0;
};

}  // namespace stagecoach
