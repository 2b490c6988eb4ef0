// SPDX-License-Identifier: Apache-2.0
// The quantities of "energy" and "area": key, member, sentence, once for reading and resolving.
#pragma once

#include "sim/config/technology.h"

namespace stagecoach {

template <class Spec>
struct PriceField {
  const char* key;
  double Spec::*member;
  const char* sentence;
  bool from_table;        ///< a technology can give it; else the file must
  bool may_lack = false;  ///< without both it is 0
};

/// Price of a multiply-accumulate by number format, in place of `mac_pj`.
struct FormatPrice {
  const char* key;
  MacFormat format;
  const char* sentence;
};

inline constexpr FormatPrice kMacPrices[] = {
    {"mac_int8_pj", MacFormat::int8, "A multiply-accumulate of int8, sums of int32."},
    {"mac_fp16_pj", MacFormat::fp16, "A multiply-accumulate of fp16, sums of fp32."},
    {"mac_fp32_pj", MacFormat::fp32, "A multiply-accumulate of fp32."},
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
    {"register_pj_per_bit", &EnergySpec::register_pj_per_bit,
     "Operand registers in matrix units, read or written.", true, true},
    {"accumulator_pj_per_bit", &EnergySpec::accumulator_pj_per_bit,
     "Partial sums in matrix units, read or written.", true, true},
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
