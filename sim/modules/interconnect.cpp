// SPDX-License-Identifier: Apache-2.0
// Messages over links.
#include "sim/modules/interconnect.h"

#include <algorithm>

#include "sim/modules/clock.h"

namespace stagecoach {

Interconnect::Interconnect(sc_core::sc_module_name name, const InterconnectPlan& plan,
                           const std::vector<CorePlan>& cores)
    : sc_module(name), bytes_per_cycle_(plan.link_bytes_per_cycle), topology_(plan, cores) {
  SC_METHOD(on_time);
  sensitive << time_;
  dont_initialize();
  SC_METHOD(arbitrate);
  sensitive << arbitrate_;
  dont_initialize();
}

int Interconnect::open(const ChannelSpec& spec) {
  Channel channel;
  channel.spec = spec;
  channel.route = topology_.route(spec.from_core, spec.to_core);
  links_.resize(topology_.links().size());
  waiting_.resize(links_.size());
  for (const int l : channel.route) {
    Link& link = links_[l];
    link.latency = topology_.links()[l].latency_cycles;
    link.statistics.name = topology_.links()[l].name;
    // One sender's messages reach all links of their way in the order in which they were sent.
    if (link.first_sender < 0) link.first_sender = spec.from_core;
    if (link.first_sender != spec.from_core) link.shared = true;
  }
  channels_.push_back(std::move(channel));
  return static_cast<int>(channels_.size()) - 1;
}

void Interconnect::send(int channel, PacketId packet, Bytes bytes, Cycles ready) {
  Flight flight;
  flight.packet = packet;
  flight.bytes = bytes;
  flight.made = flight.head = ready;
  flight.channel = channel;
  if (channels_[channel].route.empty()) {
    deliver(flight);
    return;
  }
  flight.duration = transfer_cycles(bytes, bytes_per_cycle_);
  ++unsettled_;
  travel(flight);
}

void Interconnect::travel(Flight flight) {
  const std::vector<int>& route = channels_[flight.channel].route;
  while (flight.hop < static_cast<int>(route.size())) {
    Link& link = links_[route[flight.hop]];
    if (link.shared) {
      request(flight, route[flight.hop]);
      return;
    }
    take(link, flight, std::max(flight.head, link.free_at));
  }
  flight.head += flight.duration;
  --unsettled_;
  deliver(flight);
  if (unsettled_ == 0 && on_settled_) on_settled_();
}

void Interconnect::take(Link& link, Flight& flight, Cycles start) {
  link.statistics.wait_cycles += start - flight.head;
  link.statistics.busy_cycles += flight.duration;
  link.statistics.bytes += flight.bytes;
  link.free_at = start + flight.duration;
  flight.head = start + link.latency;
  ++flight.hop;
}

void Interconnect::deliver(const Flight& flight) {
  const ChannelSpec& spec = channels_[flight.channel].spec;
  last_arrival_ = std::max(last_arrival_, flight.head);
  const Arrival arrival{flight.made, flight.head};
  if (spec.gradient) {
    spec.receiver->deposit_gradient(flight.packet, arrival);
  } else {
    spec.receiver->deposit_input(spec.edge, flight.packet, arrival);
  }
}

void Interconnect::request(const Flight& flight, int link) {
  requests_.push(Request{flight.head, link, flight});
  arm(now_cycles());
}

void Interconnect::arm(Cycles now) {
  Cycles next = kUnlimited64;
  if (!requests_.empty()) next = requests_.top().time;
  if (!releases_.empty()) next = std::min(next, releases_.top().first);
  if (next == kUnlimited64) return;
  if (next <= now) {
    arbitrate_.notify(sc_core::SC_ZERO_TIME);
  } else {
    time_.notify(cycles_time(next - now));
  }
}

void Interconnect::on_time() {
  // One delta later: whatever happens at this time has then been requested.
  arbitrate_.notify(sc_core::SC_ZERO_TIME);
}

void Interconnect::arbitrate() {
  const Cycles now = now_cycles();
  due_.clear();
  while (!requests_.empty() && requests_.top().time <= now) {
    const Request& request = requests_.top();
    waiting_[request.link].push_back(request.flight);
    due_.push_back(request.link);
    requests_.pop();
  }
  while (!releases_.empty() && releases_.top().first <= now) {
    due_.push_back(releases_.top().second);
    releases_.pop();
  }
  std::sort(due_.begin(), due_.end());
  due_.erase(std::unique(due_.begin(), due_.end()), due_.end());
  for (const int link : due_) serve(link, now);
  arm(now);
}

bool Interconnect::goes_before(const Flight& a, const Flight& b) const {
  const bool a_gradient = channels_[a.channel].spec.gradient;
  const bool b_gradient = channels_[b.channel].spec.gradient;
  if (a_gradient != b_gradient) return a_gradient;
  if (a.packet != b.packet) return a.packet < b.packet;
  return a.channel < b.channel;
}

void Interconnect::serve(int l, Cycles now) {
  Link& link = links_[l];
  std::vector<Flight>& waiting = waiting_[l];
  while (!waiting.empty() && link.free_at <= now) {
    const auto first =
        std::min_element(waiting.begin(), waiting.end(),
                         [this](const Flight& a, const Flight& b) { return goes_before(a, b); });
    Flight flight = *first;
    *first = waiting.back();
    waiting.pop_back();
    take(link, flight, now);
    travel(flight);
  }
  if (!waiting.empty()) releases_.emplace(link.free_at, l);
}

std::vector<LinkStatistics> Interconnect::report() const {
  std::vector<LinkStatistics> statistics;
  for (const Link& link : links_) statistics.push_back(link.statistics);
  return statistics;
}

}  // namespace stagecoach
