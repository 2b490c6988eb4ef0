// SPDX-License-Identifier: Apache-2.0
// Which stages should share a core where what does not fit lies in DRAM.
#pragma once

#include <vector>

#include "sim/plan/memory_needs.h"

namespace stagecoach {

/// Numbers of users of the DRAM channel worth trying, where up to `most` may turn out to be ones; a
/// single number where users do not divide the channel.
std::vector<std::int64_t> sharers_to_try(const HardwareSpec& hardware, std::int64_t most);

/// The run of each stage, where runs of neighbours share a core each (run i core i, of group
/// group_of[i]; the last cores may stay free) and the longest is as short as can be: passes and
/// updates as priced, and the transfers of what the run's core cannot hold. A stage alone may fit
/// where two do not, so this is no matter of adding up the stages' loads.
/// `without`: the runs where nothing spills, kept if no others are better.
std::vector<int> runs_under_spill(const PlanScope& scope, const std::vector<StageSlots>& slots,
                                  const std::vector<int>& group_of,
                                  const std::vector<int>& without);

}  // namespace stagecoach
