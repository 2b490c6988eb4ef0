// SPDX-License-Identifier: Apache-2.0
// What `--check` prints: the network, its stages, memory against capacity, what limits the rate.
#pragma once

#include <string>

#include "sim/app/job.h"

namespace stagecoach {

std::string check_report(const Job& job);

}  // namespace stagecoach
