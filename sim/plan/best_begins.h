// SPDX-License-Identifier: Apache-2.0
// The best cuts of layers into stages that get their cores whatever they hold.
#pragma once

#include <cstdint>
#include <vector>

namespace stagecoach {

/// What best_begins asks.
class LoadOfRun {
 public:
  virtual ~LoadOfRun() = default;
  /// Cycles a micro-batch of layers [first, end) as stage k.
  virtual double operator()(int k, int first, int end) const = 0;
  /// True if stages k and k - 1 have equal loads for equal runs.
  virtual bool as_before(int k) const = 0;
  /// The share by which a longer run may cost less, usually 0. Above it the cuts of a long network
  /// may miss the best ones.
  virtual double slack() const = 0;
};

/// First layers of the stages, for the least greatest load and then the least sum of squared loads;
/// of equals the longest runs behind. `stages`: from 1 to `layers`.
std::vector<int> best_begins(const LoadOfRun& load, int layers, int stages);

}  // namespace stagecoach
