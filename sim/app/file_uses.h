// SPDX-License-Identifier: Apache-2.0
// One file, one use.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/app/job.h"

namespace stagecoach {

/// A file with what it is for: ("--workload", "workloads/a.json").
using FileUse = std::pair<std::string, std::string>;

/// Every file that decides the job's result, in a fixed order: both descriptions, the network that
/// the workload names, data, first weights, a recorded schedule.
std::vector<FileUse> input_files(const Job& job, const Options& options);

/// Throws UserError if the run would write one file for two uses, or over a file that it reads.
void check_file_uses(const Job& job, const Options& options);

}  // namespace stagecoach
