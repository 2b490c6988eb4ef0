// SPDX-License-Identifier: Apache-2.0
// --set PATH=VALUE on a hardware and a workload file.
#include <cstdint>
#include <string>

#include "sim/config/hardware_config.h"
#include "sim/config/workload_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  Issues issues;
  Override override;
  const std::string root = parse_override(std::string(data, data + size), override, issues);
  if (root.empty()) return 0;
  Document document = Document::from_text(
      "file.json",
      R"({"name": "n", "dataset": {"format": "glyphs", "train_samples": 4}, "network":
          {"input": [1, 28, 28], "layers": [{"type": "flatten"}, {"type": "linear",
          "out_features": 10}]}, "training": {"optimizer": {"type": "sgd",
          "learning_rate": 0.1}}})",
      issues);
  document.apply(override, issues);
  if (root == "hw") {
    read_hardware(document, issues);
  } else {
    read_workload(document, "", issues);
  }
  issues.text();
  return 0;
}
