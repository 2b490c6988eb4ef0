// SPDX-License-Identifier: Apache-2.0
// The order of pipelined backpropagation written out by hand, for tests that must not depend on the
// schedules they check.
#pragma once

#include <vector>

#include "models/op.h"

namespace stagecoach::test {

/// Tick by tick: forward of micro-batch i at stage k in tick i + k, backward in tick i + 2(S-1) -
/// k, the update at once (algorithm of pipelined backpropagation at batch one).
inline std::vector<Op> pipelined_order(int stages, MicroBatchId micro_batches) {
  std::vector<Op> order;
  for (MicroBatchId tick = 0; tick < micro_batches + 2 * stages - 2; ++tick)
    for (int k = 0; k < stages; ++k) {
      const MicroBatchId f = tick - k;
      const MicroBatchId b = tick - 2 * (stages - 1) + k;
      if (f >= 0 && f < micro_batches) order.push_back({f, k, Pass::forward});
      if (b >= 0 && b < micro_batches) order.push_back({b, k, Pass::backward_with_update});
    }
  return order;
}

/// One micro-batch through all stages and back before the next; updates once per batch of
/// micro-batches.
inline std::vector<Op> sequential_order(int stages, MicroBatchId micro_batches,
                                        int micro_batches_per_update = 1) {
  std::vector<Op> order;
  for (MicroBatchId p = 0; p < micro_batches; ++p) {
    const bool update = (p + 1) % micro_batches_per_update == 0 || p + 1 == micro_batches;
    for (int k = 0; k < stages; ++k) order.push_back({p, k, Pass::forward});
    for (int k = stages - 1; k >= 0; --k)
      order.push_back({p, k, update ? Pass::backward_with_update : Pass::backward});
  }
  return order;
}

}  // namespace stagecoach::test
