// SPDX-License-Identifier: Apache-2.0
// One run from the command line to its results.
#pragma once

#include <string>
#include <vector>

#include "sim/config/options.h"

namespace stagecoach {

/// What the program returns; after a signal 128 and its number, as shells have it.
enum class ExitStatus {
  done = 0,
  user_error = 2,
  diverged = 3,
  model_bug = 70,
  hung_up = 129,      ///< SIGHUP
  interrupted = 130,  ///< SIGINT
  terminated = 143,   ///< SIGTERM
};

/// Trains, simulates, or both; writes the results; prints the summary on stdout. `arguments`: the
/// command line without the program's name, for the provenance. Throws UserError.
ExitStatus run(const Options& options, const std::vector<std::string>& arguments);

}  // namespace stagecoach
