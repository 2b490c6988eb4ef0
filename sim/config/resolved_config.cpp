// SPDX-License-Identifier: Apache-2.0
#include "sim/config/resolved_config.h"

namespace stagecoach {

OrderedJson resolved_config(const HardwareSpec& hardware, const WorkloadConfig& workload) {
  return {{"hw", write_hardware(hardware)}, {"workload", resolved_workload(workload)}};
}

std::string resolved_config_text(const HardwareSpec& hardware, const WorkloadConfig& workload) {
  return resolved_config(hardware, workload).dump(2) + "\n";
}

}  // namespace stagecoach
