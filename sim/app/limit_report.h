// SPDX-License-Identifier: Apache-2.0
// The part of `--check` that answers "what limits it, and what would help?".
#pragma once

#include <string>

#include "sim/app/job.h"

namespace stagecoach {

/// The steady rate and what sets it, where the slowest core spends its cycles, the next limits,
/// what one core more brings, and what each field of the hardware would bring if it were twice as
/// good.
std::string limit_report(const Job& job);

}  // namespace stagecoach
