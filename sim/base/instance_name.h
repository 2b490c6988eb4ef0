// SPDX-License-Identifier: Apache-2.0
// Names of the machine's parts as every tool takes them.
#pragma once

#include <string>

namespace stagecoach {

/// The name as one word: SystemC and wave viewers split names at blanks and dots and take brackets
/// for bit ranges. Such characters become underscores; an empty name becomes one.
inline std::string instance_name(const std::string& name) {
  std::string word = name.empty() ? "_" : name;
  for (char& c : word) {
    const bool splits = static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '.';
    if (splits || c == '[' || c == ']' || c == '$') c = '_';
  }
  return word;
}

}  // namespace stagecoach
