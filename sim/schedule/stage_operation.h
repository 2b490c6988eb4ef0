// SPDX-License-Identifier: Apache-2.0
// What a stage's hardware does, one operation at a time. The machine knows more than a sink of
// models/op.h is told: a split backward ends with a weight gradient of its own, which reads no
// weights. The engine makes its numbers with the backward, so a sink is told of the update after
// it and of nothing else.
#pragma once

#include <cstdint>
#include <optional>

#include "models/op.h"

namespace stagecoach {

enum class StageOperation : std::uint8_t {
  forward,
  backward,         ///< where the schedule splits it: the gradient for the stage before, only
  update,           ///< part of the operation before it, whose core it keeps
  weight_gradient,  ///< the second half of a split backward
};

/// An operation of a stage in a tick of lockstep pacing (sim/schedule/lockstep.h).
struct TickOperation {
  MicroBatchId micro_batch = 0;
  std::int32_t stage = 0;
  StageOperation operation = StageOperation::forward;
  bool update_follows = false;  ///< a backward or weight gradient that ends its mini-batch
  /// Only with `forward`: the version to read; Op::kCurrent for the newest one.
  WeightVersion version = Op::kCurrent;
};

/// What a sink is told of it; nothing of a weight gradient within a mini-batch. Lockstep runs an
/// update with its backward, so that they are one operation of the sink.
std::optional<Op> handed_over(const TickOperation& operation);

}  // namespace stagecoach
