// SPDX-License-Identifier: Apache-2.0
// summary.json and `--list-stats`, both from the catalogue in sim/stats/statistic.h.
#pragma once

#include <string>
#include <vector>

#include "sim/stats/statistic.h"

namespace stagecoach {

constexpr const char* kSummarySchema = "stagecoach.summary/1";

/// The summary: every field of the catalogue, null where it does not apply, keys in a fixed order.
/// Counts are integers, times cycles, ratios 0..1. Everything but "host" follows from the input.
OrderedJson make_summary(const RunResult& run);

/// The summary as the file holds it: indented by two spaces, a newline at the end.
std::string summary_text(const OrderedJson& summary);

/// One declared statistic with its full path, list elements written "stages[].cycles.forward".
struct DeclaredStatistic {
  std::string path;
  std::string unit;
  std::string meaning;
};

std::vector<DeclaredStatistic> declared_statistics();

/// What `--list-stats` prints: path, unit and sentence of every statistic that has `word` in one of
/// them, in any case; "": of all. Nothing if none has.
std::string list_statistics_text(const std::string& word = "");

}  // namespace stagecoach
