// SPDX-License-Identifier: Apache-2.0
// The narrow door between the machine and the mathematics: a stream of operations.
//
// Timing does not depend on data, so whoever decides the order (the SystemC model, a closed-form
// schedule, a recording) runs ahead and hands operations over; the functional engine executes
// them. The order of the operations *of one stage* decides which weights each sample meets; the
// order between stages only has to respect the data (a micro-batch moves down, its gradient up).
#pragma once

#include <cstdint>

namespace stagecoach {

/// A micro-batch is the micro-batch that travels as one unit; micro-batches are numbered 0, 1, ...
/// over the whole run (models/micro_batch_plan.h maps them to samples).
using MicroBatchId = std::int64_t;

/// A weight version is the number of updates that a stage has made.
using WeightVersion = std::int64_t;

enum class Pass : std::uint8_t {
  forward,   ///< reads weights when it starts
  backward,  ///< reads weights when it starts; leaves gradients
  update,    ///< becomes visible when it completes
  /// The second half of a split backward, in the machine's time only: it reads no weights, so
  /// `backward` has made its numbers, and a sink is handed the `update` after it, nothing else.
  weight_gradient,
};

/// One operation of one stage. `forward` and `backward` are handed over in the order in which they
/// start, `update` in the order in which it completes.
struct Op {
  MicroBatchId micro_batch = 0;
  std::int32_t stage = 0;
  Pass pass = Pass::forward;
  /// Only with `backward`: the update follows at once, and nothing else of the stage in between.
  bool with_update = false;
  /// Only with `forward`: the version to read; kCurrent for the newest one.
  WeightVersion version = kCurrent;

  static constexpr WeightVersion kCurrent = -1;
};

/// Where operations go.
class OpSink {
 public:
  virtual ~OpSink() = default;

  /// Takes the next operation. May block until work has been done (the window is bounded).
  /// Returns false when the run must end (the training diverged, or the user ends it): hand over
  /// nothing more. A trainer's answer depends on the operations alone, never on threads.
  virtual bool emit(const Op& op) = 0;
};

}  // namespace stagecoach
