// SPDX-License-Identifier: Apache-2.0
// A job as the header of a recorded schedule sees it, and what a replay of it may do.
#pragma once

#include <cstdint>
#include <string>

#include "sim/app/job.h"
#include "sim/recording/schedule_replay.h"

namespace stagecoach {

/// Everything that decides the order of operations, as text and digests.
RecordedRun recorded_run(const Job& job);

/// Reads the whole recording without executing anything. Returns its number of operations. Throws
/// UserError if the file is not whole and sound, or belongs to another run.
std::int64_t verify_replay(const Job& job, const std::string& file);

}  // namespace stagecoach
