// SPDX-License-Identifier: Apache-2.0
// IDX files: bytes 0 0 type rank, `rank` big-endian 32-bit sizes, then the elements, big-endian and
// row-major (http://yann.lecun.com/exdb/mnist, "the IDX file format").
#pragma once

#include <cstdint>
#include <string>

#include "models/data/raw_array.h"

namespace stagecoach {

struct IdxFile {
  RawArray array;  ///< the first min(items_in_file, most_items) items
  std::int64_t items_in_file = 0;
};

/// Reads at most `most_items` items from the front (-1: all). `role` names the workload's field in
/// messages. Throws UserError: missing, truncated, too long, damaged gzip, not IDX, a size of zero,
/// sizes that the file cannot hold.
IdxFile read_idx(const std::string& path, const std::string& role, std::int64_t most_items);

}  // namespace stagecoach
