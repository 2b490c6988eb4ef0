// SPDX-License-Identifier: Apache-2.0
// Tables of technologies (hw/technologies/*.json): energy and area per event, from which a chip
// that names one takes what its file does not give itself.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sim/config/param_table.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// The numbers that multiply-accumulate units are made for.
enum class MacFormat { int8, fp16, fp32 };

/// One table. Energies in pJ, areas in um2; `uncertainty`: relative, per field.
struct Technology {
  double mac_int8_pj = 0, mac_fp16_pj = 0, mac_fp32_pj = 0;
  double add_int32_pj = 0, add_fp16_pj = 0, add_fp32_pj = 0;
  double sram_pj_per_bit = 0;  ///< of a bank of 8 KiB
  double sram_exponent = 0;    ///< energy grows with (bank / 8 KiB) to this power
  double router_pj_per_bit = 0;
  double wire_pj_per_bit_mm = 0;
  double dram_pj_per_bit = 0;
  double host_pj_per_bit = 0;
  double leakage_milliwatts_per_kib = 0;
  double register_pj_per_bit = 0;  ///< read or written; absent: registers are not counted
  double mac_int8_um2 = 0, mac_fp16_um2 = 0, mac_fp32_um2 = 0;
  double sram_um2_per_bit = 0;
  std::map<std::string, double> uncertainty;
};

Table<Technology> technology_table();

/// "energy" or "area" as a hardware file has it: quantities that it gives, and the table that the
/// others come from.
struct PricesFile {
  std::optional<std::string> technology;
  std::optional<MacFormat> mac_format;  ///< absent: by elements.weights_bytes
  std::optional<double> hop_mm;         ///< "energy" only: wire of one hop; absent: 1
  std::map<std::string, double> given;  ///< by key
  std::map<std::string, double> uncertainty;
};

/// The rows of the two objects.
Table<PricesFile> energy_table();
Table<PricesFile> area_table();

/// The specs of a chip, whose other fields are read. What is missing, or cannot be taken from the
/// table, is reported at the object's place; so is a table, a format or a length that nothing uses.
EnergySpec energy_of_file(const PricesFile& file, const HardwareSpec& chip, const Place& at);
AreaSpec area_of_file(const PricesFile& file, const HardwareSpec& chip, const Place& at);

/// The files that give these specs, every quantity by itself.
PricesFile file_of(const EnergySpec& energy);
PricesFile file_of(const AreaSpec& area);

}  // namespace stagecoach
