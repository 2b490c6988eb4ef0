// SPDX-License-Identifier: Apache-2.0
// The binary CIFAR files (https://www.cs.toronto.edu/~kriz/cifar.html): records of label bytes and
// 3 x 32 x 32 bytes, the planes red, green, blue, each row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/data/memory_dataset.h"

namespace stagecoach {

struct CifarFormat {
  const char* name;
  int label_bytes;  ///< in front of each image; the last one is the label used
  int classes;
};

constexpr CifarFormat kCifar10 = {"cifar10", 1, 10};
constexpr CifarFormat kCifar100 = {"cifar100", 2, 100};

/// Records of all files in order, at most `most_samples` from the front (-1: all). No files: no
/// samples. Throws UserError: missing file, not a whole number of records, damaged gzip, label out
/// of range.
SplitData read_cifar(const std::vector<std::string>& paths, const std::string& role,
                     const CifarFormat& format, std::int64_t most_samples);

}  // namespace stagecoach
