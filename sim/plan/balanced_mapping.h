// SPDX-License-Identifier: Apache-2.0
// Mapping `balanced`: cores for the stages that need them, from one group of cores or several.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/plan/mapping.h"

namespace stagecoach {

/// The orders in which groups of cores may follow one another along the stages, that of the file
/// first. All orders of up to three groups; of more groups only that of the file.
std::vector<std::vector<int>> orders_of_groups(const HardwareSpec& hardware);

/// The smallest number of cores of `group` whose buffers hold stage `stage` with everything that
/// the schedule keeps there. The number may exceed the cores of the chip. With memory policy
/// `spill` one core is enough. `units`: 1, or 2 if forward and backward have separate cores.
/// `one_micro_batch`: count one micro-batch instead of all that may be in flight.
std::int64_t least_cores(const PlanScope& scope, int group, int stage, const StageSlots& slots,
                         int units, bool one_micro_batch = false);

/// Questions of balance_cores about stage k on one group.
struct CoresOfStage {
  std::function<std::int64_t(int k, int group)> least;  ///< fewest cores
  /// Must not rise with the number of cores.
  std::function<double(int k, const Service& cores)> load;
};

/// Cores for each of `stages` so that the greatest load is smallest (to half a unit of load), and
/// as few as that takes. `groups`: how many cores there are of each, in the order in which stages
/// take them. The stages of one group are neighbours, and a stage has cores of one group, of the
/// first that has room. Empty if not every stage gets its fewest cores.
std::vector<Service> balance_cores(int stages, const std::vector<Service>& groups,
                                   const CoresOfStage& of);

/// The mapping of kind `balanced`: both directions of a stage get the same number of cores. Of
/// several orders of the groups, the one with the smallest greatest load, then with the fewest
/// cores, then the first. Throws MappingError when there are too few cores.
Mapping balanced_mapping(const PlanScope& scope, const std::vector<StageSlots>& slots);

}  // namespace stagecoach
