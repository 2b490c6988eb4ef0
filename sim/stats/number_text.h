// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "sim/base/units.h"

namespace stagecoach {

/// 1234567 -> "1,234,567".
std::string with_separators(std::int64_t value);
template <class Unit>
std::string with_separators(Quantity<Unit> value) {
  return with_separators(value.count());
}

/// printf's `format` with one double, up to 63 characters.
std::string formatted(const char* format, double value);

/// So many decimals: 1234567.25, 1 -> "1,234,567.2". From 10^15 on "1.23e+15".
std::string with_decimals(double value, int digits);

/// Four digits, and no exponent where a person writes none: 11668.2 -> "11,668", 3.14159 ->
/// "3.142".
std::string figure(double value);

/// 12345 -> "12.1 KiB"; exact below 1024: "512 B".
std::string human_bytes(double bytes);

/// `value` with an SI prefix and three or four digits: 0.00123, "J" -> "1.23 mJ". A thousand
/// seconds are "1,000 s".
std::string with_si_prefix(double value, const std::string& unit);

}  // namespace stagecoach
