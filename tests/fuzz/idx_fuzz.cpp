// SPDX-License-Identifier: Apache-2.0
// An IDX file, gzip-compressed or not.
#include <cstdint>

#include "models/base/error.h"
#include "models/data/idx.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  const MemoryFile file(data, size);
  try {
    read_idx(file.path(), "train_images", 1000);
  } catch (const UserError&) {
  }
  return 0;
}
