// SPDX-License-Identifier: Apache-2.0
// Rules between the parts of a workload.
#pragma once

#include "models/graph/network.h"
#include "sim/config/workload_file.h"

namespace stagecoach {

/// Builds the network and reports its problems at their fields. `at` is the network object.
Network checked_network(const NetworkSpec& spec, const Place& at);

/// The same for a family. Its layers stand nowhere in the file: their problems go to `at` itself.
Network checked_family(const FamilySpec& spec, const Place& at);

/// Pipeline against training and network; `root` is the workload.
void check_pipeline(const WorkloadFile& file, const Network& network, const Place& root);

/// Pipeline against the number of stages.
void check_stages(const WorkloadFile& file, int stages, const Place& root);

/// `pipeline.recompute` against the stages; none where the hardware is to cut them.
void check_recompute(const WorkloadFile& file, const Partition& stages, const Place& root);

}  // namespace stagecoach
