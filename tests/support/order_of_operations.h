// SPDX-License-Identifier: Apache-2.0
// The order of pipelined backpropagation written out by hand, for tests that must not depend on the
// schedules they check.
#pragma once

#include <vector>

#include "models/op.h"

namespace stagecoach::test {

/// Tick by tick: forward of packet i at stage k in tick i + k, backward in tick i + 2(S-1) - k, the
/// update at once (algorithm of pipelined backpropagation at batch one).
inline std::vector<Op> pipelined_order(int stages, PacketId packets) {
  std::vector<Op> order;
  for (PacketId tick = 0; tick < packets + 2 * stages - 2; ++tick)
    for (int k = 0; k < stages; ++k) {
      const PacketId f = tick - k;
      const PacketId b = tick - 2 * (stages - 1) + k;
      if (f >= 0 && f < packets) order.push_back({f, k, Pass::forward, false, Op::kCurrent});
      if (b >= 0 && b < packets) order.push_back({b, k, Pass::backward, true, Op::kCurrent});
    }
  return order;
}

/// One packet through all stages and back before the next; updates once per batch of packets.
inline std::vector<Op> sequential_order(int stages, PacketId packets, int packets_per_update = 1) {
  std::vector<Op> order;
  for (PacketId p = 0; p < packets; ++p) {
    const bool update = (p + 1) % packets_per_update == 0 || p + 1 == packets;
    for (int k = 0; k < stages; ++k) order.push_back({p, k, Pass::forward, false, Op::kCurrent});
    for (int k = stages - 1; k >= 0; --k) order.push_back({p, k, Pass::backward, update, Op::kCurrent});
  }
  return order;
}

}  // namespace stagecoach::test
