// SPDX-License-Identifier: Apache-2.0
// The automatic partition: a network cut into so many runs of layers that cost about the same.
#pragma once

#include <string>
#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/plan/search_effort.h"
#include "sim/plan/stage_price.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

/// Names of the layers after which to cut, for `stages` stages. A stage may be any run of layers
/// (values that skip over a cut travel all the same); its cost is what the simulation charges,
/// stage_load(price_stage()), on the cores that services_before_cutting() gives it, or (mapping
/// balanced) on the cores that such cuts would be given; a core of kind `fixed`, which takes the
/// same time for anything, is given a cycle a MAC. The greatest cost is as small as can be (mapping
/// balanced with more than 64 cores: within a twentieth); among such cuts the sum of the squared
/// costs is, or the number of cores. Room in buffers counts where cores are dealt out for it
/// (mapping balanced), and where the chip spills: then several such cuts, and equal ones, are laid
/// out and the fastest machine in closed form is kept, transfers to DRAM and between stages
/// included. `schedule`: made for as many stages. Throws UserError if `stages` is below 1 or above
/// the number of layers, or for a listed mapping. `recompute`: none or all; stages have no names
/// before they are cut. `effort`, if given, is spent, and the search given up when it is used up.
std::vector<std::string> balanced_cuts(const HardwareSpec& hardware, const Network& network,
                                       const TrainSpec& train, const MicroBatchPlan& micro_batches,
                                       const Schedule& schedule, int stages,
                                       RecomputeKind recompute = RecomputeKind::none,
                                       SearchEffort* effort = nullptr);

}  // namespace stagecoach
