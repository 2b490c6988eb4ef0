// SPDX-License-Identifier: Apache-2.0
// What a run was asked to do, whole: what --print-config prints and config.json holds.
#pragma once

#include "sim/config/hardware_config.h"
#include "sim/config/workload_config.h"

namespace stagecoach {

/// {"hw": ..., "workload": ...} with every default and override in it. Each part read again as a
/// file gives the same run.
OrderedJson resolved_config(const HardwareSpec& hardware, const WorkloadConfig& workload);

/// The same as text: indented by two spaces, a newline at the end.
std::string resolved_config_text(const HardwareSpec& hardware, const WorkloadConfig& workload);

}  // namespace stagecoach
