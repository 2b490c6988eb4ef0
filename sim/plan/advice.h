// SPDX-License-Identifier: Apache-2.0
// A network does not fit a chip: what would make it fit? Every answer was tried, by planning the
// run with it.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/run_plan.h"

namespace stagecoach {

/// One way out: fields to set together, and what comes of it.
struct Advice {
  std::vector<std::string> sets;  ///< as --set takes them: "hw/memory_policy=spill"
  std::string consequence;        ///< "fewer samples are in flight"; may be empty
};

/// The ways out of a run that does not fit, or cannot be mapped, each of which lets it start.
/// Looked at, one at a time: the memory policies (spill where the file has a dram), larger buffers,
/// more cores (and a mesh with room for them), larger rectangles. Where none of these is enough by
/// itself: more cores with larger buffers. At last another number of stages, as far as trying them
/// is worth its time. Empty: none of these.
std::vector<Advice> advice_for(const HardwareSpec& hardware, const RunToPlan& run);

/// The advice as lines to be copied into a shell.
std::string advice_text(const std::vector<Advice>& advice);

}  // namespace stagecoach
