// SPDX-License-Identifier: Apache-2.0
// A weights file.
#include <cstdint>

#include "models/base/error.h"
#include "models/data/safetensors.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  const MemoryFile file(data, size);
  try {
    read_safetensors(file.path());
  } catch (const UserError&) {
  }
  return 0;
}
