// SPDX-License-Identifier: Apache-2.0
// The summary that a person reads at the end of a run. Made from summary.json's content alone, so
// that the two cannot disagree.
#pragma once

#include <string>
#include <vector>

#include "sim/stats/statistic.h"

namespace stagecoach {

/// A table with a row per stage (layers, a bar of where its time went, busy, stalled and on what,
/// staleness measured and in closed form, memory), a row per epoch, totals, and the files written
/// in `directory`. Plain ASCII, at most 100 columns unless a name is long.
std::string terminal_summary(const OrderedJson& summary, const std::string& directory,
                             const std::vector<std::string>& files);

/// 1234567 -> "1,234,567".
std::string with_separators(std::int64_t value);
template <class Unit>
std::string with_separators(Quantity<Unit> value) {
  return with_separators(value.count());
}

/// 12345 -> "12.1 KiB"; exact below 1024: "512 B".
std::string human_bytes(double bytes);

/// `value` with an SI prefix and three or four digits: 0.00123, "J" -> "1.23 mJ".
std::string with_si_prefix(double value, const std::string& unit);

}  // namespace stagecoach
