// SPDX-License-Identifier: Apache-2.0
// What --resume finds in its folder besides checkpoints.
#pragma once

#include "sim/files/result_directory.h"
#include "sim/stats/run_result.h"

namespace stagecoach {

enum class EarlierRun {
  none,        ///< no summary
  unfinished,  ///< of the same command, killed or interrupted
  complete,    ///< of the same command: nothing is left to do
  diverged,    ///< of the same command: its end, too
  another,     ///< of another command, version or state of the two files, or no summary at all
};

/// Reads the folder's summary.json and compares it with what this run would say of itself.
EarlierRun earlier_run(const ResultDirectory& directory, const Provenance& provenance);

}  // namespace stagecoach
