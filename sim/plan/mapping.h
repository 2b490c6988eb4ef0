// SPDX-License-Identifier: Apache-2.0
// Which cores serve which stage, and their places on the chip.
#pragma once

#include <string>
#include <vector>

#include "models/base/error.h"
#include "sim/plan/memory_needs.h"
#include "sim/plan/stage_price.h"

namespace stagecoach {

/// There are too few cores, or too little room for them. Another number of cores, another buffer
/// or another partition may help: sim/plan/advice.h finds which.
class MappingError : public UserError {
 public:
  using UserError::UserError;
};

/// Cores that act as one: a core, or all cores that serve one direction of a stage.
struct Unit {
  Service service;
  std::int64_t first_core = 0;  ///< place in the row of all cores in use
};

struct StageMapping {
  int forward_unit = 0;
  int backward_unit = 0;
};

struct Mapping {
  std::vector<Unit> units;
  std::vector<StageMapping> stages;
  bool split = false;

  const Service& forward(int stage) const {
    return units[static_cast<std::size_t>(stages[static_cast<std::size_t>(stage)].forward_unit)]
        .service;
  }
  const Service& backward(int stage) const {
    return units[static_cast<std::size_t>(stages[static_cast<std::size_t>(stage)].backward_unit)]
        .service;
  }
};

/// Cores of all groups; kUnlimited where a group has as many as needed.
std::int64_t cores_available(const HardwareSpec& hardware);

/// Throws MappingError: `what` needs `need` cores and the file has `have`.
[[noreturn]] void too_few(const std::string& what, std::int64_t need, std::int64_t have);

/// The group of the i-th core of the chip, groups one after the other.
int group_of_core(const HardwareSpec& hardware, std::int64_t core);

/// `widths[i]` rectangles of `each` cores side by side, for every i within one group: groups one
/// after the other, and what is left of a group stays unused. Throws MappingError if they are too
/// many.
std::vector<Service> rectangles_in_groups(const HardwareSpec& hardware,
                                          const std::vector<std::int64_t>& widths,
                                          std::int64_t each);

/// Units of `services[k]` for each stage, one or two, in the order of the stages.
Mapping rows_of_units(const PlanScope& scope, const std::vector<Service>& services);

/// Cores for every stage before it is known which layers they get, for the automatic partition: in
/// order over the groups, a rectangle each, or (balanced) an equal share of all cores. Throws
/// UserError for a listed mapping, which names stages that do not exist yet.
struct StageService {
  Service forward, backward;
  bool split = false;
};
std::vector<StageService> services_before_cutting(const PlanScope& scope, int stages);

/// Assigns cores to stages as HardwareSpec::mapping says. A schedule over chunks says which stages
/// share a core (sim/plan/chunk_mapping.h).
///   one_core_per_stage  in order over the groups; with fewer cores than stages, runs of
///                       neighbouring stages share a core so that the longest run is as short as
///                       possible, including DRAM transfers of what the core cannot hold
///   rectangle           rows x columns cores each, groups one after the other
///   balanced            cores in proportion to work, so that the slowest stage is as fast as the
///                       cores allow (sim/plan/balanced_mapping.h)
///   explicit_list       as listed (sim/plan/listed_mapping.h)
/// With split_forward_backward every stage has two units; the last stage has one, unless there is a
/// turnaround register.
/// Throws MappingError when there are too few cores, UserError when the list does not name the
/// stages.
Mapping make_mapping(const PlanScope& scope, const std::vector<StageSlots>& slots);

/// The smallest greatest sum over `parts` runs of neighbouring loads; returns the run of each load.
std::vector<int> split_into_runs(const std::vector<double>& loads, int parts);

}  // namespace stagecoach
