// SPDX-License-Identifier: Apache-2.0
// Which samples a micro-batch holds.
#pragma once

#include <cstdint>
#include <vector>

#include "models/micro_batch_plan.h"

namespace stagecoach {

/// A micro-batch with its samples picked.
struct MicroBatchData {
  MicroBatch micro_batch;
  std::vector<std::int64_t> samples;       ///< indices in the training set
  std::vector<std::uint64_t> sample_keys;  ///< seeds of augmentation and dropout
};

/// Samples [first, first + count) of a micro-batch.
struct Chunk {
  int first = 0;
  int count = 1;
};

/// Places of a ring that holds `n` micro-batches whose numbers follow each other: a power of two.
inline std::int64_t ring_places(std::int64_t n) {
  std::int64_t places = 1;
  while (places < n) places *= 2;
  return places;
}

}  // namespace stagecoach
