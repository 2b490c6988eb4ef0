// SPDX-License-Identifier: Apache-2.0
// Questions that are answered instead of running: --check, --print-config, --help, ...
#pragma once

#include "sim/app/run.h"
#include "sim/config/options.h"

namespace stagecoach {

/// Prints the answer to options.ask (not Ask::run) on stdout. Throws UserError for wrong files.
ExitStatus answer(const Options& options);

}  // namespace stagecoach
