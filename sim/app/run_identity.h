// SPDX-License-Identifier: Apache-2.0
// What decides the bits of a run's results, so that a checkpoint is not taken for another run's.
#pragma once

#include <string>

#include "sim/app/job.h"

namespace stagecoach {

/// Everything that decides a result, as JSON text: the program (version, compiler, instruction
/// set), every field of hardware and workload after defaults and overrides, the options that change
/// results, and SHA-256 digests of data, first weights and recording. Where the files lie is not in
/// it. Throws UserError if one cannot be read.
std::string run_identity(const Job& job, const Options& options);

}  // namespace stagecoach
