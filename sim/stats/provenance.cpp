// SPDX-License-Identifier: Apache-2.0
// See provenance.h.
#include "sim/stats/provenance.h"

namespace stagecoach {

namespace {

/// Quoted for a shell, if it holds anything but harmless characters.
std::string shell_word(const std::string& word) {
  constexpr const char* kHarmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+@%";
  if (!word.empty() && word.find_first_not_of(kHarmless) == std::string::npos) return word;
  std::string quoted = "'";
  for (char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::string reproducible_command(const std::vector<std::string>& arguments) {
  std::string command = "stagecoach";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& a = arguments[i];
    const std::size_t equals = a.compare(0, 2, "--") == 0 ? a.find('=') : std::string::npos;
    const std::string option = a.substr(0, equals);
    if (option == "--force" || option == "--quiet" || option == "--resume") continue;
    if (option == "--threads" || option == "--out" || option == "--save-weights" ||
        option == "--record-schedule" || option == "--checkpoint-every") {
      if (equals == std::string::npos) ++i;  // and its value, the next word
      continue;
    }
    command += " " + shell_word(option);
    if (equals != std::string::npos) command += " " + shell_word(a.substr(equals + 1));
  }
  return command;
}

}  // namespace stagecoach
