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
    const std::string option = a.substr(0, a.find('='));
    if (option == "--force" || option == "--quiet") continue;
    if (option == "--threads" || option == "--out" || option == "--save-weights" ||
        option == "--record-schedule") {
      if (option == a) ++i;  // and its value, the next word
      continue;
    }
    command += " " + shell_word(a);
  }
  return command;
}

}  // namespace stagecoach
