// SPDX-License-Identifier: Apache-2.0
// SystemC time as cycles: one unit of the kernel's resolution is one clock cycle. (The kernel calls
// that unit 1 ps; what it lasts is MachinePlan::clock_mhz's affair.)
#pragma once

#include <systemc>

#include "sim/plan/machine_plan.h"

namespace stagecoach {

inline Cycles now_cycles() { return static_cast<Cycles>(sc_core::sc_time_stamp().value()); }

inline sc_core::sc_time cycles_time(Cycles cycles) {
  return sc_core::sc_time::from_value(static_cast<sc_dt::uint64>(cycles));
}

}  // namespace stagecoach
