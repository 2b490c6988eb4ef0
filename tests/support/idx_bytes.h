// SPDX-License-Identifier: Apache-2.0
// The bytes of an IDX file, put together from the format's description, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace stagecoach {

template <class E>
constexpr char idx_type_code() {
  if (std::is_same_v<E, std::uint8_t>) return 0x08;
  if (std::is_same_v<E, std::int8_t>) return 0x09;
  if (std::is_same_v<E, std::int16_t>) return 0x0B;
  if (std::is_same_v<E, std::int32_t>) return 0x0C;
  if (std::is_same_v<E, float>) return 0x0D;
  return 0x0E;
}

/// Appends the bytes of a value, most significant first (on a little-endian machine).
template <class E>
void append_big_endian(std::string& bytes, E value) {
  char raw[sizeof(E)];
  std::memcpy(raw, &value, sizeof(E));
  for (std::size_t i = sizeof(E); i-- > 0;) bytes += raw[i];
}

template <class E>
std::string idx_bytes(const std::vector<std::int64_t>& dims, const std::vector<E>& values) {
  std::string bytes = {0, 0, idx_type_code<E>(), static_cast<char>(dims.size())};
  for (std::int64_t size : dims) append_big_endian(bytes, static_cast<std::uint32_t>(size));
  for (E value : values) append_big_endian(bytes, value);
  return bytes;
}

}  // namespace stagecoach
