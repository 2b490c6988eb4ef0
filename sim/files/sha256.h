// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), for the provenance of a result.
#pragma once

#include <string>
#include <string_view>

namespace stagecoach {

/// Digest of the bytes as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// Of a file's bytes. Throws UserError if it cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace stagecoach
