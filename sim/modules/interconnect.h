// SPDX-License-Identifier: Apache-2.0
// The interconnect of the cores, message by message, with virtual cut-through. A message occupies
// each link of its route for ceil(bytes / width) cycles, one hop latency after the previous link.
// After a narrower link it arrives as slowly as it left that link. Routers can hold a whole
// message. After a link that stores the whole message, it starts again when all of it has arrived.
// A link that only one core feeds is booked by direct calls, in order. A link that several cores
// feed is arbitrated: the requests of one cycle are collected, and gradients go before activations,
// then the older micro-batch, then the lower channel number.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sim/modules/event_wheel.h"
#include "sim/modules/interfaces.h"
#include "sim/plan/machine_plan.h"
#include "sim/plan/topology.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

class Interconnect : public sc_core::sc_module, public InterconnectIf, public TimedIf {
 public:
  Interconnect(sc_core::sc_module_name name, const InterconnectPlan& plan,
               const std::vector<CorePlan>& cores, WheelIf& wheel);

  int open(const ChannelSpec& spec) override;
  bool lives_on_wheel() const override { return true; }
  void watch(WaveSink* waves) override { waves_ = waves; }
  void on_settled(std::function<void()> call) override { on_settled_ = std::move(call); }
  std::int64_t unsettled() const override { return unsettled_; }
  Cycles last_arrival() const override { return last_arrival_; }
  std::vector<LinkStatistics> report() const override;

  void send(int channel, MicroBatchId micro_batch, Bytes bytes, Cycles ready) override;
  void on_time(Cycles now, int tag) override;
  void on_decide(Cycles now) override;

 private:
  /// Gives every link its place in the hierarchy of SystemC, under its own name.
  void before_end_of_elaboration() override;

  struct Channel {
    ChannelSpec spec;
    int first_hop = 0, end_hop = 0;  ///< its links in hops_
  };
  /// One line of memory: names are elsewhere.
  struct alignas(64) Link {
    Cycles latency = 0;
    double bytes_per_cycle = 0;  ///< 0: unlimited
    Cycles free_at = 0;
    Bytes bytes = 0;
    Cycles busy_cycles = 0;
    Cycles wait_cycles = 0;
    int first_sender = -1;
    bool shared = false;
    bool stores_whole = false;
  };
  /// A message on its way; its head is at (or will reach) link hops_[hop] at `head`.
  struct Flight {
    MicroBatchId micro_batch = 0;
    Bytes bytes = 0;
    Cycles duration = 0;         ///< on the narrowest link so far
    double bytes_per_cycle = 0;  ///< of that link
    Cycles made = 0;
    Cycles head = 0;
    int channel = 0;
    int hop = 0;
  };
  /// A request for a shared link, or (flight -1) that link becoming free.
  struct Request {
    int link = 0;
    int flight = -1;
  };

  void travel(int flight);
  void take(Link& link, Flight& flight, Cycles start);
  void request(Cycles time, int link, int flight);
  void deliver(int channel, MicroBatchId micro_batch, Arrival arrival);
  void serve(int link, Cycles now);
  bool goes_before(int a, int b) const;

  struct LinkObject : sc_core::sc_object {
    explicit LinkObject(const std::string& name) : sc_object(name.c_str()) {}
    const char* kind() const override { return "link"; }
  };

  Topology topology_;
  std::vector<std::unique_ptr<LinkObject>> objects_;
  WaveSink* waves_ = nullptr;
  std::vector<Channel> channels_;
  std::vector<int> hops_;  ///< the links of all channels' routes, one route after the other
  std::vector<Link> links_;
  std::vector<TransferTime> transfer_times_;  ///< by link
  WheelIf& wheel_;
  const int number_;  ///< on the wheel
  std::vector<Flight> flights_;
  std::vector<int> free_flights_;
  std::vector<std::vector<int>> waiting_;  ///< by link: flights whose request is due
  std::vector<int> due_;                   ///< links to serve now
  TimingWheel<Request> requests_;
  std::vector<Request> due_requests_;
  Cycles armed_ = kUnlimited<std::int64_t>;  ///< the next call that the wheel has been asked for
  std::int64_t unsettled_ = 0;
  Cycles last_arrival_ = 0;
  std::function<void()> on_settled_;
};

}  // namespace stagecoach
