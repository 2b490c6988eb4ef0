// SPDX-License-Identifier: Apache-2.0
// What `--check --json` prints: the content of check_report() for scripts (docs/reports.md).
#pragma once

#include <string>
#include <vector>

#include "sim/app/job.h"
#include "sim/stats/statistic.h"

namespace stagecoach {

constexpr const char* kCheckSchema = "stagecoach.check/1";

/// `notes`: of notes_of(). Every field is always there; null where it does not apply.
OrderedJson check_json(const Job& job, const std::vector<std::string>& notes);

}  // namespace stagecoach
