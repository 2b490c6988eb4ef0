// SPDX-License-Identifier: Apache-2.0
// From a hardware file to a HardwareSpec: the tables of its fields, and reading through them.
#pragma once

#include "sim/config/param_table.h"
#include "sim/config/technology.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// A hardware file field by field. `energy` and `area` of the chip follow from the two files.
struct HardwareFile : HardwareSpec {
  std::optional<PricesFile> energy_file;
  std::optional<PricesFile> area_file;
};

/// Every field of a hardware file: the one place for keys, units, ranges, defaults and sentences.
Table<HardwareFile> hardware_table();

/// One object per kind of core, buffers and vector unit included.
Table<CoreSpec> core_table();

/// Reads a parsed hardware file. Everything wrong goes to `issues`.
HardwareSpec read_hardware(const Document& document, Issues& issues);

/// The same from a file; throws UserError with everything that is wrong.
HardwareSpec load_hardware(const std::string& path);

/// A chip as the file that describes it whole: every default, and every energy and area by itself.
OrderedJson write_hardware(const HardwareSpec& spec);

}  // namespace stagecoach
