// SPDX-License-Identifier: Apache-2.0
// The manual page and the completion of shells, from the table of options.
#pragma once

#include <string>

namespace stagecoach {

/// stagecoach(1), for man.
std::string manual_page();

/// For bash: options, their words, files, and the names of presets beside the program.
std::string bash_completion();

}  // namespace stagecoach
