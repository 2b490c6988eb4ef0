// SPDX-License-Identifier: Apache-2.0
// Rules between the parts of a workload.
#pragma once

#include "models/network.h"
#include "sim/config/workload_file.h"

namespace stagecoach {

/// Builds the network and reports its problems at their fields. `at` is the network object.
Network checked_network(const NetworkSpec& spec, const Place& at);

/// Pipeline against training and network; `root` is the workload.
void check_pipeline(const WorkloadFile& file, const Network& network, const Place& root);

/// Pipeline against the number of stages.
void check_stages(const WorkloadFile& file, int stages, const Place& root);

}  // namespace stagecoach
