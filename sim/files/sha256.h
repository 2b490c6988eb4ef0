// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), for the provenance of a result.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stagecoach {

/// A digest of bytes that come piece by piece.
class Sha256 {
 public:
  using State = std::array<std::uint32_t, 8>;

  void add(std::string_view bytes);
  /// The digest as 64 lower-case hexadecimal digits; once, at the end.
  std::string hex();

 private:
  static constexpr std::size_t kBlock = 64;

  State state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,  // 5.3.3
                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, kBlock> block_;
  std::size_t held_ = 0;  ///< bytes in `block_`
  std::uint64_t total_bytes_ = 0;
};

/// Digest of the bytes as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// Of a file's bytes. Throws UserError if it cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace stagecoach
