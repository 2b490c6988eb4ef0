// SPDX-License-Identifier: Apache-2.0
// A CIFAR batch; the first byte chooses the kind.
#include <cstdint>

#include "models/base/error.h"
#include "models/data/cifar.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  if (size == 0) return 0;
  const MemoryFile file(data + 1, size - 1);
  try {
    read_cifar({file.path()}, "train_images", data[0] & 1 ? kCifar100 : kCifar10, 100);
  } catch (const UserError&) {
  }
  return 0;
}
