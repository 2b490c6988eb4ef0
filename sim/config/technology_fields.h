// SPDX-License-Identifier: Apache-2.0
// The quantities of "energy" and "area": key, member, sentence, once for reading and resolving.
#pragma once

#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

template <class Spec>
struct PriceField {
  const char* key;
  double Spec::*member;
  const char* sentence;
  bool from_table;  ///< a technology can give it; else the file must
};

inline constexpr PriceField<EnergySpec> kEnergyQuantities[] = {
    {"mac_pj", &EnergySpec::mac_pj, "One multiply-accumulate.", true},
    {"vector_operation_pj", &EnergySpec::vector_operation_pj, "One operation of the vector unit.",
     true},
    {"weight_read_pj_per_bit", &EnergySpec::weight_read_pj_per_bit,
     "Weight side of the buffers, reads.", true},
    {"weight_write_pj_per_bit", &EnergySpec::weight_write_pj_per_bit, "Weight side, writes.", true},
    {"activation_read_pj_per_bit", &EnergySpec::activation_read_pj_per_bit,
     "Activation side, reads.", true},
    {"activation_write_pj_per_bit", &EnergySpec::activation_write_pj_per_bit,
     "Activation side, writes.", true},
    {"hop_pj_per_bit", &EnergySpec::hop_pj_per_bit, "One link crossed, router included.", true},
    {"dram_pj_per_bit", &EnergySpec::dram_pj_per_bit, "To or from DRAM.", true},
    {"host_pj_per_bit", &EnergySpec::host_pj_per_bit, "To or from the host.", true},
    {"static_watts", &EnergySpec::static_watts, "Of the chip, whatever happens.", false},
    {"static_milliwatts_per_core", &EnergySpec::static_milliwatts_per_core,
     "Of every core that serves a stage.", true},
};

inline constexpr PriceField<AreaSpec> kAreaQuantities[] = {
    {"mac_um2", &AreaSpec::mac_um2, "One multiply-accumulate unit.", true},
    {"sram_um2_per_bit", &AreaSpec::sram_um2_per_bit, "Buffers, periphery included.", true},
    {"core_overhead_mm2", &AreaSpec::core_overhead_mm2,
     "The rest of a core: control, router, vector unit.", false},
    {"chip_overhead_mm2", &AreaSpec::chip_overhead_mm2, "Interfaces and the rest of the chip.",
     false},
};

}  // namespace stagecoach
