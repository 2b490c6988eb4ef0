// SPDX-License-Identifier: Apache-2.0
// The ledger of one stage: its progress, the weight version that every micro-batch reads, the
// staleness of its gradient, and the versions that must be kept. The SystemC machine keeps a ledger
// in each weight buffer, a replay one for every stage of the recording. The functional engine has
// its own counts; tests/system/ledger_test.cpp compares the two.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/error.h"
#include "sim/schedule/schedule.h"
#include "sim/schedule/stage_progress.h"
#include "sim/schedule/staleness.h"
#include "sim/schedule/version_queue.h"

namespace stagecoach {

/// Told every operation of the stage in order; micro-batches leave in the order in which they came.
class StageLedger {
 public:
  explicit StageLedger(WeightPolicy policy = WeightPolicy::current) : policy_(policy) {}

  const StageProgress& progress() const { return progress_; }
  WeightVersion updates() const { return progress_.updates; }

  /// The next forward starts. `version`: what it reads, Op::kCurrent for the newest. Returns the
  /// version read. Throws ModelBug if that does not exist yet.
  WeightVersion begin_forward(WeightVersion version);
  /// The next backward starts. Returns the version that it reads.
  WeightVersion begin_backward();
  void begin_weight_gradient() { progress_.start_weight_gradient(); }

  /// What an update was made from.
  struct Update {
    std::int64_t micro_batches = 0;  ///< whose own update this was
    /// The sum of their staleness: updates between the read of their forward and this one.
    std::int64_t staleness_sum = 0;
  };

  /// The micro-batch in flight for longest leaves, its gradients complete. `update`: and so is the
  /// update of its mini-batch. Nothing is returned without.
  Update retire(bool update);
  /// The micro-batch in flight for longest leaves and there was no backward (inference).
  void pass_through();
  /// The update of the micro-batches that have left since the last one is complete.
  Update update();
  /// Micro-batches have left whose update is to come.
  bool awaits_update() const { return !awaiting_update_.empty(); }

  /// Versions to keep besides the newest. `next_read`: what the next forward here will read, as far
  /// as is known (vertical sync: micro-batches upstream may still ask for an old version).
  std::int64_t stashed_versions(WeightVersion next_read) const;

  /// Staleness of every micro-batch whose update is complete.
  StalenessCount staleness() const;

 private:
  void count_staleness(std::int64_t updates);

  WeightPolicy policy_;
  StageProgress progress_;
  VersionQueue in_flight_;               ///< versions read by micro-batches in flight, oldest first
  std::int64_t distinct_in_flight_ = 0;  ///< they never decrease, so equal ones are neighbours
  std::vector<WeightVersion>
      awaiting_update_;                  ///< versions read by micro-batches that await theirs
  std::vector<std::int64_t> histogram_;  ///< micro-batches by staleness
  std::int64_t backward_sum_ = 0;        ///< see StalenessCount
};

// What every operation of a simulated run calls is inline.

inline WeightVersion StageLedger::begin_forward(WeightVersion version) {
  if (version == Op::kCurrent) version = progress_.updates;
  if (version > progress_.updates) {
    throw ModelBug("a forward reads a version that does not exist yet");
  }
  progress_.start_forward();
  if (in_flight_.empty() || in_flight_.back() != version) ++distinct_in_flight_;
  in_flight_.push_back(version);
  return version;
}

inline WeightVersion StageLedger::begin_backward() {
  progress_.start_backward();
  const WeightVersion forward = in_flight_.front();
  const WeightVersion read = keeps_forward_version(policy_) ? forward : progress_.updates;
  backward_sum_ += read - forward;
  return read;
}

inline StageLedger::Update StageLedger::retire(bool with_update) {
  progress_.retire();
  const WeightVersion forward = in_flight_.front();
  in_flight_.pop_front();
  if (in_flight_.empty() || in_flight_.front() != forward) --distinct_in_flight_;
  if (!with_update || awaits_update()) {
    awaiting_update_.push_back(forward);
    return with_update ? update() : Update{};
  }
  // Alone in its mini-batch: the case of pipelined backpropagation at batch one.
  const std::int64_t staleness = progress_.updates - forward;
  count_staleness(staleness);
  ++progress_.updates;
  return {1, staleness};
}

inline void StageLedger::count_staleness(std::int64_t updates) {
  // At most the micro-batches in flight, so a plain array is short.
  if (updates >= static_cast<std::int64_t>(histogram_.size())) histogram_.resize(updates + 1, 0);
  ++histogram_[updates];
}

}  // namespace stagecoach
