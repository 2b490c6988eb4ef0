// SPDX-License-Identifier: Apache-2.0
// A hash of the order of a run's operations. The machine affects the weights only through this
// order: two runs of one workload whose stages do the same operations in the same order have the
// same weights, bit for bit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/op.h"

namespace stagecoach {

/// Hashes the operations of each stage and hands every operation on. The order between operations
/// of different stages does not count, because each stage has its own weights.
class OrderHash : public OpSink {
 public:
  OrderHash(int stages, OpSink& next) : next_(next), stages_(stages) {}
  bool emit(const Op& op) override;

  /// 16 hexadecimal digits, over the operations so far. Two of a million different orders share
  /// their hash with a chance of 3e-8.
  std::string text() const;

 private:
  struct Stage {
    std::uint64_t hash = 0;
    WeightVersion updates = 0;
  };

  OpSink& next_;
  std::vector<Stage> stages_;
};

}  // namespace stagecoach
