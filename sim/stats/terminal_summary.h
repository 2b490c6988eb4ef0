// SPDX-License-Identifier: Apache-2.0
// The summary that a person reads at the end of a run. Made from summary.json's content alone, so
// that the two cannot disagree.
#pragma once

#include <string>
#include <vector>

#include "sim/stats/statistic.h"

namespace stagecoach {

/// A table with a row per stage (a bar of where its time went, busy, stalled and on what, staleness
/// measured and in closed form), one of what stages hold, a row per epoch, totals, and the files
/// written in `directory`. Plain ASCII; 80 columns.
std::string terminal_summary(const OrderedJson& summary, const std::string& directory,
                             const std::vector<std::string>& files);

}  // namespace stagecoach
