// SPDX-License-Identifier: Apache-2.0
// A stage's weights at the ends of epochs, until these epochs are evaluated.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/base/tensor.h"

namespace stagecoach {

/// A stage's running statistics after the epoch's last forward, and its weights after the last
/// update: neither has seen a sample of the next epoch, whose forwards may come between the two.
/// Until the epoch is evaluated the stage may have begun the next one, or, where epochs are shorter
/// than the pipeline, ended it.
template <class T>
struct EpochSnapshot {
  static constexpr std::int64_t kFree = -1;
  std::int64_t epoch = kFree;
  Buffer<T> weights, statistics;
};

template <class T>
class EpochSnapshots {
 public:
  EpochSnapshots(std::int64_t weights, std::int64_t statistics)
      : weights_(weights), statistics_(statistics) {}

  /// Begins the snapshot of an epoch.
  void take_statistics(std::int64_t epoch, const T* statistics);
  /// Completes it.
  void take_weights(std::int64_t epoch, const T* weights);
  /// Hands out the snapshot of an epoch, which must be there; it stays valid until the next begins.
  const EpochSnapshot<T>& claim(std::int64_t epoch);
  void visit_state(StateVisitor& visitor);

 private:
  EpochSnapshot<T>& find(std::int64_t epoch);
  EpochSnapshot<T>& place_for(std::int64_t epoch);

  std::int64_t weights_, statistics_;  ///< elements
  std::vector<EpochSnapshot<T>> snapshots_;
};

}  // namespace stagecoach
