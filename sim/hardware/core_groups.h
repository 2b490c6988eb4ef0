// SPDX-License-Identifier: Apache-2.0
// The groups of cores of a chip, by name.
#pragma once

#include <optional>
#include <string>

#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// Index in `hardware.cores` of the group of that name; null if there is none.
inline std::optional<int> group_named(const HardwareSpec& hardware, const std::string& name) {
  for (std::size_t g = 0; g < hardware.cores.size(); ++g) {
    if (hardware.cores[g].name == name) return static_cast<int>(g);
  }
  return std::nullopt;
}

}  // namespace stagecoach
