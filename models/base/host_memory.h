// SPDX-License-Identifier: Apache-2.0
// Memory of the computer that runs the simulator. Only for figures about the host: no result may
// depend on it.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace stagecoach {

/// Most bytes that this program has held in memory at once, from the kernel's figure for its own
/// address space (VmHWM). The one of getrusage() outlives exec: it may be that of a parent process.
inline std::optional<std::int64_t> peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    std::int64_t kib = 0;
    if (key == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return std::nullopt;
}

}  // namespace stagecoach
