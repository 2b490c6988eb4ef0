// SPDX-License-Identifier: Apache-2.0
// A network in a file of its own.
#include <cstdint>
#include <string>

#include "sim/config/workload_config.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  const MemoryFile file(data, size);
  Issues issues;
  const Document document = Document::from_text(
      "workload.json",
      R"({"dataset": {"format": "glyphs", "train_samples": 4}, "training": {"optimizer":
          {"type": "sgd", "learning_rate": 0.1}}, "network": ")" +
          file.path() + "\"}",
      issues);
  const WorkloadConfig workload = read_workload(document, "", issues);
  if (issues.empty()) resolved_workload(workload).dump();
  return 0;
}
