// SPDX-License-Identifier: Apache-2.0
// What must hold of the cores that a listed mapping names, whatever the network.
#pragma once

#include "sim/config/codec.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// Reports, at `mapping` or below: groups that are not there, `first_core` in some entries only or
/// together with `split_forward_backward`, places that the group does not have, and cores that two
/// entries share in part. Nothing to report for other kinds of mapping.
void check_listed_cores(const HardwareSpec& hardware, const Place& mapping);

}  // namespace stagecoach
