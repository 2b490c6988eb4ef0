// SPDX-License-Identifier: Apache-2.0
// A workload file, its network inside.
#include <cstdint>
#include <string>

#include "models/base/error.h"
#include "sim/config/workload_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  Issues issues;
  const Document document =
      Document::from_text("workload.json", std::string(data, data + size), issues);
  if (!document.ok()) return 0;
  const WorkloadConfig workload = read_workload(document, "", issues);
  if (issues.empty()) resolved_workload(workload).dump();
  return 0;
}
