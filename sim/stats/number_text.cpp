// SPDX-License-Identifier: Apache-2.0
#include "sim/stats/number_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace stagecoach {
namespace {

constexpr double kNoExponent = 1e15;  ///< up to here all digits are written

}  // namespace

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string with_separators(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string with_decimals(double value, int digits) {
  if (!std::isfinite(value) || std::fabs(value) >= kNoExponent) return formatted("%.3g", value);
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  std::string all = text;
  const std::size_t first = all[0] == '-' ? 1 : 0;
  const std::size_t point = all.find('.');
  for (std::size_t at = point == std::string::npos ? all.size() : point; at > first + 3;)
    all.insert(at -= 3, ",");
  return all;
}

std::string figure(double value) {
  // What four digits would round to a thousand has its separator, too.
  const bool whole = std::fabs(value) >= 999.95 && std::fabs(value) < kNoExponent;
  return whole ? with_separators(std::llround(value)) : formatted("%.4g", value);
}

std::string human_bytes(double value) {
  if (value < 1024) return formatted("%.0f B", value);
  for (const char* unit : {"KiB", "MiB", "GiB"}) {
    value /= 1024;
    if (value < 1024) return formatted("%.1f ", value) + unit;
  }
  return with_decimals(value / 1024, 1) + " TiB";
}

std::string with_si_prefix(double value, const std::string& unit) {
  if (value == 0 || !std::isfinite(value)) return formatted("%g ", value) + unit;
  if (unit == "s" && std::fabs(value) >= 999.95) return figure(value) + " s";
  constexpr std::array<const char*, 9> kPrefixes = {"p", "n", "u", "m", "", "k", "M", "G", "T"};
  constexpr int kOne = 4;
  const int thousands = static_cast<int>(std::floor(std::log10(std::fabs(value)) / 3));
  const int clamped = std::clamp(thousands, -kOne, static_cast<int>(kPrefixes.size()) - 1 - kOne);
  return figure(value / std::pow(1000.0, clamped)) + " " + kPrefixes[clamped + kOne] + unit;
}

}  // namespace stagecoach
