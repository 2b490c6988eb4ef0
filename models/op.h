// SPDX-License-Identifier: Apache-2.0
// The interface between the machine and the functional engine: a stream of operations.
//
// Timing does not depend on data. The source of the order (the SystemC model, lockstep without a
// clock, a recording) runs ahead and hands operations over; the functional engine executes them.
// The order of the operations *of one stage* decides which weights each sample meets. The order
// between stages only has to respect the data (a micro-batch moves down, its gradient up).
#pragma once

#include <cstdint>

namespace stagecoach {

/// A micro-batch is the samples that travel as one unit; micro-batches are numbered 0, 1, ... over
/// the whole run (models/micro_batch_plan.h maps them to samples).
using MicroBatchId = std::int64_t;

/// A weight version is the number of updates that a stage has made.
using WeightVersion = std::int64_t;

enum class Pass : std::uint8_t {
  forward,   ///< reads weights when it starts
  backward,  ///< reads weights when it starts; leaves gradients
  /// A backward whose update follows at once, with no other operation of the stage in between: the
  /// engine may fuse the two.
  backward_with_update,
  update,  ///< of the gradients since the last update; becomes visible when it completes
};

/// The operation computes gradients.
constexpr bool is_backward(Pass pass) {
  return pass == Pass::backward || pass == Pass::backward_with_update;
}

/// The operation makes a new weight version.
constexpr bool makes_version(Pass pass) {
  return pass == Pass::update || pass == Pass::backward_with_update;
}

/// One operation of one stage. Forwards and backwards are handed over in the order in which they
/// start, an update of its own in the order in which it completes.
struct Op {
  MicroBatchId micro_batch = 0;
  std::int32_t stage = 0;
  Pass pass = Pass::forward;
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
