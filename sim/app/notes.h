// SPDX-License-Identifier: Apache-2.0
// Settings that are allowed and do nothing in this run: told, not refused.
#pragma once

#include <string>
#include <vector>

#include "sim/app/job.h"

namespace stagecoach {

/// A sentence each, beginning with the file and field or the option that it is about.
std::vector<std::string> notes_of(const Job& job, const Options& options);

}  // namespace stagecoach
