// SPDX-License-Identifier: Apache-2.0
// The CSV files beside summary.json: how things went over simulated time, per stage.
#pragma once

#include <string>
#include <vector>

#include "sim/files/result_directory.h"
#include "sim/stats/statistic.h"

namespace stagecoach {

/// A row per stage and window: micro-batches whose backward ended there, their mean delay in
/// updates (empty if there were none), and the closed form. `run.statistics` must be there.
std::string staleness_csv(const RunResult& run);

/// A row per stage and window: where the cycles went, and the share that was busy.
std::string utilization_csv(const RunResult& run);

/// A row per stage and change of occupancy: bytes per class from that cycle on. `run.plan` too
/// must be there.
std::string memory_csv(const RunResult& run);

/// A row per epoch with the columns of training.epochs[] in summary.json, empty where that is null.
std::string epochs_csv(const RunResult& run);

/// Writes summary.json, epochs.csv, config.json and, where there is a clock, the other CSV files,
/// to be published by the caller. A file that cannot be written does not cost the later ones, which
/// are larger and matter less: its message goes to `failures`. Returns the summary.
OrderedJson write_results(const RunResult& run, ResultDirectory& directory,
                          std::vector<std::string>& failures);

/// Writes and publishes summary.json, epochs.csv and config.json of a run that goes on, without a
/// wait for the disk: the next epoch does it again. Returns messages of what could not be written;
/// what was published before then stays.
std::vector<std::string> publish_epochs(const RunResult& run, ResultDirectory& directory);

}  // namespace stagecoach
