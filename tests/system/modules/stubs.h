// SPDX-License-Identifier: Apache-2.0
// Stand-ins for what a module is bound to: each notes what it is told and answers as it is set.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "sim/modules/clock.h"
#include "sim/modules/event_wheel.h"
#include "sim/modules/interfaces.h"
#include "sim/modules/run_control.h"
#include "sim/system/kernel_scope.h"

namespace stagecoach::test {

/// Runs the kernel up to `time`; what happens at that time has then happened.
inline void run_until(Cycles time) {
  if (time > now_cycles()) sc_core::sc_start(cycles_time(time - now_cycles()));
  // The kernel stops before the processes of the last moment run.
  while (sc_core::sc_pending_activity_at_current_time()) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
}

struct StubWake : WakeIf {
  void wake_at(Cycles time) override { times.push_back(time); }
  std::vector<Cycles> times;
};

struct StubSink : OpSink {
  bool emit(const Op& op) override {
    ops.push_back(op);
    return true;
  }
  std::vector<Op> ops;
};

struct StubInbox : InboxIf {
  struct Deposit {
    int edge = -1;  ///< -1: a gradient
    MicroBatchId micro_batch = 0;
    Arrival arrival;
    Cycles told_at = 0;
  };
  bool has_room(int) const override { return room; }
  bool buffer_full() const override { return !room; }
  void reserve(int, MicroBatchId micro_batch, Bytes) override { reserved.push_back(micro_batch); }
  void deposit_input(int edge, MicroBatchId micro_batch, Arrival arrival) override {
    deposits.push_back({edge, micro_batch, arrival, now_cycles()});
  }
  void deposit_gradient(MicroBatchId micro_batch, Arrival arrival) override {
    deposits.push_back({-1, micro_batch, arrival, now_cycles()});
  }
  bool room = true;
  std::vector<MicroBatchId> reserved;
  std::vector<Deposit> deposits;
};

struct StubTransfer : TransferIf {
  struct Message {
    int channel = 0;
    MicroBatchId micro_batch = 0;
    Bytes bytes = 0;
    Cycles ready = 0;
  };
  void send(int channel, MicroBatchId micro_batch, Bytes bytes, Cycles ready) override {
    sent.push_back({channel, micro_batch, bytes, ready});
  }
  std::vector<Message> sent;
};

struct StubSource : SourceIf {
  Arrival transfer(Bytes, Cycles now) override { return {now, now}; }
};

/// Whatever is set arrives when it is set to.
struct StubActivations : ActivationIf {
  const Arrival* input(MicroBatchId p) const override { return find(inputs, p, input_); }
  const Arrival* gradient(MicroBatchId p) const override { return find(gradients, p, gradient_); }
  bool full() const override { return is_full; }
  void begin_forward(MicroBatchId, Cycles) override { ++held; }
  void begin_backward(MicroBatchId, Cycles) override {}
  void retire(MicroBatchId p, Cycles now) override {
    --held;
    retired.push_back({p, now});
  }
  std::int64_t micro_batches_held() const override { return held; }
  std::int64_t gradients_held() const override { return 0; }
  void observe(std::function<void(Cycles)>) override {}

  static const Arrival* find(const std::map<MicroBatchId, Cycles>& all, MicroBatchId p,
                             Arrival& answer) {
    const auto found = all.find(p);
    if (found == all.end()) return nullptr;
    answer = {found->second, found->second};
    return &answer;
  }
  mutable Arrival input_, gradient_;
  std::map<MicroBatchId, Cycles> inputs, gradients;
  bool is_full = false;
  std::int64_t held = 0;
  std::vector<std::pair<MicroBatchId, Cycles>> retired;
};

/// A stage whose operations take what they are set to and may start when they are set to.
struct StubStage : StageIf {
  explicit StubStage(int place = 0) : place(place) {}
  int index() const override { return place; }
  Obstacle obstacle(StageOperation operation, Cycles now) const override {
    const auto time = ready.find(operation);
    const bool can = time != ready.end() && time->second <= now;
    return can ? Obstacle::nothing : Obstacle::data;
  }
  std::optional<Cycles> next_data(StageOperation operation, Cycles now) const override {
    const auto time = ready.find(operation);
    if (time == ready.end() || time->second <= now) return std::nullopt;
    return time->second;
  }
  Cycles begin(StageOperation operation, Cycles now, bool announce) override {
    ready.erase(operation);
    begun.push_back({operation, now});
    announced = announce;
    return now + duration;
  }
  void finish(StageOperation operation, Cycles now) override {
    finished.push_back({operation, now});
  }
  void note_wait(Cycles, bool core_taken) override { waits_for_core = core_taken; }

  using Event = std::pair<StageOperation, Cycles>;
  int place;
  Cycles duration = 10;
  std::map<StageOperation, Cycles> ready;
  std::vector<Event> begun, finished;
  bool announced = false, waits_for_core = false;
};

}  // namespace stagecoach::test
