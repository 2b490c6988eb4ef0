// SPDX-License-Identifier: Apache-2.0
// A number for the order of a run's operations. Nothing else of the machine reaches the weights: two
// runs of one workload whose stages do the same in the same order train the same bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/op.h"

namespace stagecoach {

/// Hashes what each stage does, and hands every operation on. How operations of different stages
/// interleave does not count: each stage has its own weights.
class OrderHash : public OpSink {
 public:
  OrderHash(int stages, OpSink& next) : next_(next), stages_(stages) {}
  bool emit(const Op& op) override;

  /// 16 hexadecimal digits, over the operations so far. Two of a million different orders share
  /// their hash with a chance of 3e-8.
  std::string text() const;

 private:
  /// Far from any token, so that none cancels it.
  static constexpr std::uint64_t kSeed = 0xcbf29ce484222325u;

  struct Stage {
    std::uint64_t hash = kSeed;
    WeightVersion updates = 0;
  };

  OpSink& next_;
  std::vector<Stage> stages_;
};

}  // namespace stagecoach
