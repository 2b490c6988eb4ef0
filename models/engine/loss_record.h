// SPDX-License-Identifier: Apache-2.0
// What the last stage has measured so far: training losses by epoch, the first that is not finite.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/engine/loss.h"
#include "models/engine/micro_batch_data.h"
#include "models/training_result.h"

namespace stagecoach {

/// Training loss and hits of one epoch, summed in the order of micro-batches.
struct EpochSums {
  double loss = 0;
  std::int64_t correct = 0;
  std::int64_t samples = 0;
};

/// Written by the last stage's operations. running() and diverged_micro_batch() may be read at any
/// time, the rest when these operations have ended.
class LossRecord {
 public:
  static constexpr MicroBatchId kNone = -1;

  explicit LossRecord(std::int64_t epochs) : epochs_(static_cast<std::size_t>(epochs)) {}

  void add(const MicroBatch& micro_batch, const LossResult& result);
  /// Keeps where the run first went wrong: at this micro-batch, or at the end of the epoch that it
  /// ends.
  void note_divergence(MicroBatchId id, const Divergence& divergence);

  const std::vector<EpochSums>& epochs() const { return epochs_; }
  /// Mean loss and share of hits of the epoch so far, for whoever watches; nothing before the first
  /// sample.
  std::optional<RunningFigures> running() const;
  /// First micro-batch that went wrong; kNone while there is none.
  MicroBatchId diverged_micro_batch() const { return diverged_.load(std::memory_order_acquire); }
  const Divergence& divergence() const { return divergence_; }

  void visit_state(StateVisitor& visitor);

 private:
  std::vector<EpochSums> epochs_;
  std::atomic<double> running_loss_{0};
  std::atomic<double> running_accuracy_{-1};  ///< negative: no sample yet
  std::atomic<MicroBatchId> diverged_{kNone};
  Divergence divergence_;
};

}  // namespace stagecoach
