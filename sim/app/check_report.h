// SPDX-License-Identifier: Apache-2.0
// What `--check` prints: the network, its stages, memory against capacity, what limits the rate.
#pragma once

#include <string>
#include <vector>

#include "sim/app/job.h"

namespace stagecoach {

/// `notes`: of notes_of().
std::string check_report(const Job& job, const std::vector<std::string>& notes);

}  // namespace stagecoach
