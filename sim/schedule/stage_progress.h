// SPDX-License-Identifier: Apache-2.0
// How far one stage has come: the counts that a schedule's rules are about.
#pragma once

#include "models/op.h"

namespace stagecoach {

/// Operations of a stage come in the order of micro-batches, so that counts say which is next.
struct StageProgress {
  MicroBatchId forwards = 0;   ///< forwards started: the next one is micro-batch `forwards`
  MicroBatchId backwards = 0;  ///< backwards started
  /// Weight gradients started, where the schedule splits the backward.
  MicroBatchId weight_gradients = 0;
  MicroBatchId retired = 0;   ///< backwards (both halves, and their update, if any) completed
  WeightVersion updates = 0;  ///< updates completed

  /// Micro-batches between the start of their forward and the end of their backward.
  MicroBatchId in_flight() const { return forwards - retired; }

  /// The next operation of a kind starts; returns its micro-batch.
  MicroBatchId start_forward() { return forwards++; }
  MicroBatchId start_backward() { return backwards++; }
  MicroBatchId start_weight_gradient() { return weight_gradients++; }
  /// The micro-batch that has been here longest leaves; returns it.
  MicroBatchId retire() { return retired++; }
};

}  // namespace stagecoach
