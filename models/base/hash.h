// SPDX-License-Identifier: Apache-2.0
// A hash that is the same in every build and on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace stagecoach {

/// FNV-1a over the bytes, 64 bits: a number for a name, to key random streams with.
constexpr std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace stagecoach
