// SPDX-License-Identifier: Apache-2.0
// Two descriptions of a run (sim/app/run_identity.h) compared, one of which a file holds.
#pragma once

#include <cstddef>
#include <string>

namespace stagecoach {

/// What differs, a line each ("/workload/training/seed: 1 there, 2 here"), at most kMostDifferences
/// and then a count; "" if nothing does. Throws UserError if `there` is no such text.
std::string identity_differences(const std::string& there, const std::string& here);

constexpr std::size_t kMostDifferences = 8;

}  // namespace stagecoach
