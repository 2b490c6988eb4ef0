// SPDX-License-Identifier: Apache-2.0
// The table of the command line's options, and the help page.
#pragma once

#include <string>
#include <vector>

namespace stagecoach {

/// One option: what the parser, the help page, the manual and the completion need to know.
struct OptionRow {
  const char* group;
  const char* name;
  const char* argument;  ///< "": a switch; "a|b": one of these words
  const char* help;
  const char* fallback;  ///< "": nothing to say
};

std::vector<OptionRow> option_rows();

/// What the exit statuses mean, in a sentence.
std::string exit_status_text();

/// Command lines that show the program's use.
std::vector<std::string> option_examples();

/// One screen, grouped, a default on every line that has one.
std::string help_text();

/// Names of all options, "--" included, in the order of the help page.
std::vector<std::string> option_names();

}  // namespace stagecoach
