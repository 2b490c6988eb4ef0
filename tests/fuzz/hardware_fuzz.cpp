// SPDX-License-Identifier: Apache-2.0
// A hardware file.
#include <cstdint>
#include <string>

#include "sim/config/hardware_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  Issues issues;
  const Document document = Document::from_text("hw.json", std::string(data, data + size), issues);
  if (!document.ok()) return 0;
  const HardwareSpec hardware = read_hardware(document, issues);
  if (issues.empty()) write_hardware(hardware).dump();
  return 0;
}
