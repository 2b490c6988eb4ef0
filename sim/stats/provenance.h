// SPDX-License-Identifier: Apache-2.0
// The command line as a result records it.
#pragma once

#include <string>
#include <vector>

namespace stagecoach {

/// "stagecoach --hw hw/a.json ...": the arguments (without the program's own name) as a shell would
/// take them, without what never changes a result (--threads, --out, --save-weights, --force,
/// --quiet, --checkpoint-every, ...) and with "--option=VALUE" as two words, so that the same input
/// gives the same summary.
std::string reproducible_command(const std::vector<std::string>& arguments);

}  // namespace stagecoach
