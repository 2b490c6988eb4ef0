// SPDX-License-Identifier: Apache-2.0
// Hardware and workload files that come with the program, found by their bare names.
#pragma once

#include "sim/config/options.h"

namespace stagecoach {

/// Puts the paths of presets in the place of their names ("small_mesh") in --hw and --workload. A
/// file of that name in the current folder goes first. Presets are looked for beside the program:
/// in ../share/stagecoach where it is installed, in the sources where it was built. Throws
/// UserError for what is neither, with both options in one message, the nearest preset and a list.
void find_presets(Options& options);

}  // namespace stagecoach
