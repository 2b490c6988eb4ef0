// SPDX-License-Identifier: Apache-2.0
// The interfaces through which the modules of the machine call each other. Calls take no simulated
// time; they carry times. A call that books ahead of time says so.
#pragma once

#include <functional>
#include <optional>
#include <systemc>
#include <vector>

#include "models/op.h"
#include "sim/plan/machine_plan.h"
#include "sim/schedule/stage_ledger.h"
#include "sim/schedule/stage_operation.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// When something that travels was made and when it is there.
struct Arrival {
  Cycles made = 0;
  Cycles available = 0;
};

/// Somebody who may have something to do.
class WakeIf : public virtual sc_core::sc_interface {
 public:
  /// Looks for work at `time`, now or later; nothing if it is busy (then it looks anyway).
  virtual void wake_at(Cycles time) = 0;
};

/// Why an operation cannot start; `nothing`: it can.
enum class Obstacle {
  nothing,
  no_more_micro_batches,
  data,        ///< its input or gradient is not there yet
  order,       ///< the schedule wants something else first
  in_flight,   ///< as many micro-batches in flight as the schedule allows
  own_buffer,  ///< no input, for the stage's own buffer is full
  credit,      ///< a receiver has no room
};

/// A pipeline stage as the core sees it that works for it: a forward, a backward or, where the
/// schedule splits the backward, a weight gradient at a time. An update is part of the operation
/// before it.
class StageIf : public virtual sc_core::sc_interface {
 public:
  /// Place in the pipeline, 0 at the input.
  virtual int index() const = 0;
  /// Why the next operation of this kind cannot start at `now`.
  virtual Obstacle obstacle(StageOperation operation, Cycles now) const = 0;
  /// When the awaited input or gradient will be there (and room for the last stage's result), if
  /// that is known and later than `now`.
  virtual std::optional<Cycles> next_data(StageOperation operation, Cycles now) const = 0;
  /// Starts the next operation of this kind at `now`; returns when it, and the update after it,
  /// end. With `announce_update` the update is part of a backward for the sink (nothing of this
  /// stage comes between); without, it is handed over when it completes.
  virtual Cycles begin(StageOperation operation, Cycles now, bool announce_update) = 0;
  /// What `begin` started has ended.
  virtual void finish(StageOperation operation, Cycles now) = 0;
  /// Books the time up to `now` and says how the stage waits from then on. `core_taken`: another
  /// stage computes on its core.
  virtual void note_wait(Cycles now, bool core_taken) = 0;
};

/// Where messages go: the input side of a stage. Edge e is the e-th value that the stage reads.
class InboxIf : public virtual sc_core::sc_interface {
 public:
  /// May one more micro-batch be sent on this edge?
  virtual bool has_room(int edge) const = 0;
  /// Room ended because the buffer is full, not the queue at its entry.
  virtual bool buffer_full() const = 0;
  /// Takes the room; a deposit of the same micro-batch follows.
  virtual void reserve(int edge, MicroBatchId micro_batch, Bytes bytes) = 0;
  /// A value of this micro-batch will be there at arrival.available (now or later).
  virtual void deposit_input(int edge, MicroBatchId micro_batch, Arrival arrival) = 0;
  /// The same for a gradient; its room is that of the micro-batch in flight.
  virtual void deposit_gradient(MicroBatchId micro_batch, Arrival arrival) = 0;
};

/// The activation buffer as its own stage sees it.
class ActivationIf : public virtual sc_core::sc_interface {
 public:
  /// All values of the micro-batch's input, once every one of them is on its way or there; null
  /// before. To be read at once.
  virtual const Arrival* input(MicroBatchId micro_batch) const = 0;
  virtual const Arrival* gradient(MicroBatchId micro_batch) const = 0;
  /// As many micro-batches in flight as the buffer holds: nothing is let in.
  virtual bool full() const = 0;
  /// The micro-batch leaves the queue and is in flight.
  virtual void begin_forward(MicroBatchId micro_batch, Cycles now) = 0;
  virtual void begin_backward(MicroBatchId micro_batch, Cycles now) = 0;
  /// The micro-batch's activations and gradients are free from `now` on.
  virtual void retire(MicroBatchId micro_batch, Cycles now) = 0;
  virtual std::int64_t micro_batches_held() const = 0;
  virtual std::int64_t gradients_held() const = 0;
  /// Before the simulation: calls `changed(time)` after every change of what is held. Times ascend;
  /// they may lie before now, because an arrival is counted when the stage does something next.
  virtual void observe(std::function<void(Cycles)> changed) = 0;
};

/// The weights of a stage: which micro-batch read which version, and the staleness that follows.
class WeightIf : public virtual sc_core::sc_interface {
 public:
  /// How far the stage has come. The reference stays valid.
  virtual const StageProgress& progress() const = 0;
  /// The next micro-batch's forward starts. Returns the version to hand to the sink, Op::kCurrent
  /// for the newest.
  virtual WeightVersion begin_forward() = 0;
  /// The version that the last begin_forward or begin_backward read.
  virtual WeightVersion last_read() const = 0;
  virtual void begin_backward() = 0;
  virtual void begin_weight_gradient() = 0;
  /// The oldest micro-batch of the stage leaves, and its version is free again; `update`: the
  /// update of its mini-batch is complete.
  virtual StageLedger::Update retire(bool update) = 0;
  /// The same of a micro-batch that has no backward.
  virtual void pass_through() = 0;
  /// Versions kept besides the newest.
  virtual std::int64_t stashed_versions() const = 0;
};

/// A connection over which one value (or its gradient) of every micro-batch travels.
struct ChannelSpec {
  int from_core = 0;
  int to_core = 0;
  bool gradient = false;
  int edge = 0;  ///< of the receiver; inputs only
  InboxIf* receiver = nullptr;

  /// Gives the receiver what came over this channel.
  void deliver(MicroBatchId micro_batch, Arrival arrival) const {
    if (gradient) {
      receiver->deposit_gradient(micro_batch, arrival);
    } else {
      receiver->deposit_input(edge, micro_batch, arrival);
    }
  }
};

/// The interconnect between the cores, as its senders see it.
class TransferIf : public virtual sc_core::sc_interface {
 public:
  /// Sends `bytes` over a channel. The bytes exist from the time `ready` on, which is now or later.
  /// Requests of one channel come in order of `ready`. They are delivered in that order, each once,
  /// as soon as their arrival is known: at the time of arrival or before it.
  virtual void send(int channel, MicroBatchId micro_batch, Bytes bytes, Cycles ready) = 0;
};

/// The interconnect as the accelerator sees it. To replace Interconnect by a module of your own:
/// docs/architecture.md, "Add an interconnect".
class InterconnectIf : public TransferIf {
 public:
  /// All channels are opened before the simulation starts. Returns the channel's number.
  virtual int open(const ChannelSpec& spec) = 0;

  /// Messages sent and not yet delivered. Lockstep pacing ends a tick when there are none.
  virtual std::int64_t unsettled() const = 0;
  /// Before the simulation: to be called whenever unsettled() has become 0.
  virtual void on_settled(std::function<void()> call) = 0;
  /// The latest arrival of all messages delivered.
  virtual Cycles last_arrival() const = 0;

  /// All of its time passes on the wheel (sim/modules/event_wheel.h): the kernel's may lag behind.
  virtual bool lives_on_wheel() const { return false; }

  /// Call before the simulation: `waves` is told when links are busy.
  virtual void watch(WaveSink* waves) = 0;
  /// The traffic of each link; complete once all channels are open.
  virtual std::vector<LinkStatistics> report() const = 0;
};

/// The host ingress.
class SourceIf : public virtual sc_core::sc_interface {
 public:
  /// Moves `bytes` over the host channel; returns when they start to move and when they arrive.
  virtual Arrival transfer(Bytes bytes, Cycles now) = 0;
};

/// The channel to DRAM.
class DramIf : public virtual sc_core::sc_interface {
 public:
  /// Moves `bytes` that are asked for at `ready`, now or later; returns when they have moved.
  virtual Cycles transfer(Bytes bytes, Cycles ready) = 0;
};

/// Takes the network's output and gives its gradient.
class LossIf : public virtual sc_core::sc_interface {
 public:
  /// True if one more result may be on its way to the host at `now`.
  virtual bool has_room(Cycles now) const = 0;
  /// If not now: the time from which on there is room.
  virtual Cycles room_at() const = 0;
  /// The last stage's forward of this micro-batch ends at `time`, now or later.
  virtual void accept(MicroBatchId micro_batch, int samples, Cycles time) = 0;
};

}  // namespace stagecoach
