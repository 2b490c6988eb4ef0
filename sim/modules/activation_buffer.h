// SPDX-License-Identifier: Apache-2.0
// The activation buffer of one stage: the queue at its entry, what its micro-batches in flight keep
// for their backward, and gradients that wait. Gives credits to the senders. Space for a
// micro-batch is taken when its sender starts to make it, and counted as held from its arrival on.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/modules/interfaces.h"
#include "sim/modules/micro_batch_ring.h"
#include "sim/schedule/schedule.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// One value that a stage reads.
struct InputEdge {
  int producer_stage = -1;              ///< -1: the host
  std::int64_t room_micro_batches = 0;  ///< that may wait on this edge
  std::int64_t taken = 0;               ///< of them: under way or waiting
  WakeIf* sender = nullptr;             ///< told when room becomes free
};

/// Room of an input edge that a skip connection uses: as many micro-batches as the stages between
/// can hold, so that the skip connection never stops the main path. q: depth of an input queue. An
/// edge from the previous stage has room for q.
std::int64_t edge_room(int producer_stage, int consumer_stage, int q);

class ActivationBuffer final : public sc_core::sc_module, public InboxIf, public ActivationIf {
 public:
  /// `capacity_micro_batches`: queued and in flight together. `edges`: the nearest producer first;
  /// it is the main path, whose micro-batches count against the capacity. `gradients`: number of
  /// messages that make up the gradient of a micro-batch, 0 without a backward. In `lockstep` data
  /// stays in the pipeline register until a tick ends: it counts as held from the start of the
  /// operation that reads it.
  ActivationBuffer(sc_core::sc_module_name name, std::vector<InputEdge> edges, int gradients,
                   std::int64_t capacity_micro_batches, const MicroBatchPlan& plan, Pacing pacing);

  /// Before the simulation: tells somebody what stage `stage` holds.
  void watch(WaveSink* waves, int stage);

  /// Who works on what arrives.
  void set_cores(WakeIf* forward, WakeIf* backward);

  bool has_room(int edge) const override;
  bool buffer_full() const override;
  void reserve(int edge, MicroBatchId micro_batch, Bytes bytes) override;
  void deposit_input(int edge, MicroBatchId micro_batch, Arrival arrival) override;
  void deposit_gradient(MicroBatchId micro_batch, Arrival arrival) override;

  const Arrival* input(MicroBatchId micro_batch) const override;
  const Arrival* gradient(MicroBatchId micro_batch) const override;
  bool full() const override { return started_ - retired_ >= capacity_; }
  void begin_forward(MicroBatchId micro_batch, Cycles now) override;
  void begin_backward(MicroBatchId micro_batch, Cycles now) override;
  void retire(MicroBatchId micro_batch, Cycles now) override;
  std::int64_t micro_batches_held() const override { return arrived_ - retired_; }
  std::int64_t gradients_held() const override {
    return gradients_ > 0 ? gradients_arrived_ - retired_ : 0;
  }
  void observe(std::function<void(Cycles)> changed) override { changed_ = std::move(changed); }

  const std::vector<InputEdge>& edges() const { return edges_; }
  std::int64_t capacity_micro_batches() const { return capacity_; }
  /// Fills the peaks.
  void report(StageStatistics& statistics) const;

 private:
  struct Slot {
    int messages = 0;
    Arrival arrival;
    Bytes skip_bytes = 0;  ///< reserved for values that are not on the main line
  };

  std::int64_t samples_of(MicroBatchId micro_batch) const;
  /// Micro-batches in flight and those on the main line's way in, from when they are begun.
  void note_sets();
  void hold(Cycles time, const HeldSamples& more);
  /// Counts what has arrived before `time`, or at it.
  void note_arrivals(Cycles time, bool at_it);

  const MicroBatchPlan& plan_;
  const bool single_samples_;
  const bool lockstep_;
  std::vector<InputEdge> edges_;
  int gradients_;
  std::int64_t capacity_;
  WaveSink* waves_ = nullptr;
  int stage_ = 0;  ///< for `waves_`
  std::function<void(Cycles)> changed_;
  WakeIf* forward_core_ = nullptr;
  WakeIf* backward_core_ = nullptr;
  MicroBatchRing<Slot> inputs_;          ///< from the next forward on
  MicroBatchRing<Slot> gradient_slots_;  ///< from the next micro-batch to retire on
  MicroBatchId arrived_ = 0, gradients_arrived_ = 0;
  MicroBatchId started_ = 0, backwards_started_ = 0, retired_ = 0;
  std::int64_t peak_sets_ = 0;
  HeldSamples held_, peak_;
  Bytes skip_bytes_ = 0, peak_skip_bytes_ = 0;
};

}  // namespace stagecoach
