// SPDX-License-Identifier: Apache-2.0
// The network between the cores, message by message (virtual cut-through: a message occupies each
// link of its way for ceil(bytes / width) cycles, one hop latency after the link before; routers
// can hold it whole). A link that only one core feeds is booked by direct calls, in order. Links
// that several cores feed are arbitrated: the requests of one time are collected, and the link
// goes to a gradient before an activation, then to the older packet, then to the lower channel.
#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "sim/modules/interfaces.h"
#include "sim/modules/topology.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// A connection over which one value (or its gradient) of every packet travels.
struct ChannelSpec {
  int from_core = 0;
  int to_core = 0;
  bool gradient = false;
  int edge = 0;  ///< of the receiver; inputs only
  InboxIf* receiver = nullptr;
};

class Interconnect : public sc_core::sc_module, public TransferIf {
 public:
  SC_HAS_PROCESS(Interconnect);
  Interconnect(sc_core::sc_module_name name, const InterconnectPlan& plan,
               const std::vector<CorePlan>& cores);

  /// All channels are opened before the simulation starts. Returns the channel's number.
  int open(const ChannelSpec& spec);
  /// Called when the last message under way gets its time of arrival.
  void on_settled(std::function<void()> call) { on_settled_ = std::move(call); }

  void send(int channel, PacketId packet, Bytes bytes, Cycles ready) override;
  /// Messages whose arrival is not known yet.
  std::int64_t unsettled() const { return unsettled_; }
  Cycles last_arrival() const { return last_arrival_; }

  std::vector<LinkStatistics> report() const;

 private:
  struct Channel {
    ChannelSpec spec;
    std::vector<int> route;
  };
  struct Link {
    Cycles latency = 0;
    bool shared = false;
    int first_sender = -1;
    Cycles free_at = 0;
    LinkStatistics statistics;
  };
  /// A message on its way; its head is at (or will reach) hop `hop` of the route at `head`.
  struct Flight {
    PacketId packet = 0;
    Bytes bytes = 0;
    Cycles duration = 0;
    Cycles made = 0;
    Cycles head = 0;
    int channel = 0;
    int hop = 0;
  };
  /// A request for a shared link, from `time` on.
  struct Request {
    Cycles time = 0;
    int link = 0;
    Flight flight;
  };
  struct Later {
    bool operator()(const Request& a, const Request& b) const { return a.time > b.time; }
  };

  void travel(Flight flight);
  void take(Link& link, Flight& flight, Cycles start);
  void request(const Flight& flight, int link);
  void deliver(const Flight& flight);
  void on_time();
  void arbitrate();
  void serve(int link, Cycles now);
  bool goes_before(const Flight& a, const Flight& b) const;
  void arm(Cycles now);

  double bytes_per_cycle_;
  Topology topology_;
  std::vector<Channel> channels_;
  std::vector<Link> links_;
  std::vector<std::vector<Flight>> waiting_;  ///< by link: requests that are due
  std::vector<int> due_;                      ///< links to serve now
  std::priority_queue<Request, std::vector<Request>, Later> requests_;
  std::priority_queue<std::pair<Cycles, int>, std::vector<std::pair<Cycles, int>>,
                      std::greater<std::pair<Cycles, int>>>
      releases_;  ///< when a link with waiting requests becomes free
  std::int64_t unsettled_ = 0;
  Cycles last_arrival_ = 0;
  std::function<void()> on_settled_;
  sc_core::sc_event time_, arbitrate_;
};

}  // namespace stagecoach
