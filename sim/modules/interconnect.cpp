// SPDX-License-Identifier: Apache-2.0
// Messages over links.
#include "sim/modules/interconnect.h"

#include <algorithm>

namespace stagecoach {

Interconnect::Interconnect(sc_core::sc_module_name name, const InterconnectPlan& plan,
                           const std::vector<CorePlan>& cores, WheelIf& wheel)
    : sc_module(name), topology_(plan, cores), wheel_(wheel), number_(wheel.join(*this)) {}

int Interconnect::open(const ChannelSpec& spec) {
  Channel channel;
  channel.spec = spec;
  const std::vector<int> route = topology_.route(spec.from_core, spec.to_core);
  channel.first_hop = static_cast<int>(hops_.size());
  hops_.insert(hops_.end(), route.begin(), route.end());
  channel.end_hop = static_cast<int>(hops_.size());
  links_.resize(topology_.links().size());
  transfer_times_.resize(links_.size());
  waiting_.resize(links_.size());
  for (const int l : route) {
    Link& link = links_[l];
    link.latency = topology_.links()[l].latency_cycles;
    link.bytes_per_cycle = topology_.links()[l].bytes_per_cycle;
    link.stores_whole = topology_.links()[l].stores_whole;
    // One sender's messages reach all links of their way in the order in which they were sent.
    if (link.first_sender < 0) link.first_sender = spec.from_core;
    if (link.first_sender != spec.from_core) link.shared = true;
  }
  channels_.push_back(std::move(channel));
  return static_cast<int>(channels_.size()) - 1;
}

void Interconnect::before_end_of_elaboration() {
  for (const LinkSpec& link : topology_.links()) {
    objects_.push_back(std::make_unique<LinkObject>(link.name));
  }
}

void Interconnect::send(int channel, MicroBatchId micro_batch, Bytes bytes, Cycles ready) {
  const Channel& way = channels_[channel];
  if (way.first_hop == way.end_hop) {
    deliver(channel, micro_batch, Arrival{ready, ready});
    return;
  }
  if (free_flights_.empty()) {
    free_flights_.push_back(static_cast<int>(flights_.size()));
    flights_.emplace_back();
  }
  const int number = free_flights_.back();
  free_flights_.pop_back();
  Flight& flight = flights_[number];
  flight.micro_batch = micro_batch;
  flight.bytes = bytes;
  flight.duration = 0;
  flight.bytes_per_cycle = 0;
  flight.made = flight.head = ready;
  flight.channel = channel;
  flight.hop = way.first_hop;
  ++unsettled_;
  travel(number);
}

void Interconnect::travel(int number) {
  Flight& flight = flights_[number];
  const int end_hop = channels_[flight.channel].end_hop;
  while (flight.hop < end_hop) {
    Link& link = links_[hops_[flight.hop]];
    if (link.shared) {
      request(flight.head, hops_[flight.hop], number);
      return;
    }
    take(link, flight, std::max(flight.head, link.free_at));
  }
  --unsettled_;
  free_flights_.push_back(number);
  deliver(flight.channel, flight.micro_batch, Arrival{flight.made, flight.head + flight.duration});
  if (unsettled_ == 0 && on_settled_) on_settled_();
}

void Interconnect::take(Link& link, Flight& flight, Cycles start) {
  const bool narrower = flight.bytes_per_cycle == 0 ? link.bytes_per_cycle > 0
                                                    : link.bytes_per_cycle < flight.bytes_per_cycle;
  if (narrower) {
    flight.bytes_per_cycle = link.bytes_per_cycle;
    flight.duration = transfer_times_[&link - links_.data()](flight.bytes, link.bytes_per_cycle);
  }
  link.wait_cycles += start - flight.head;
  link.busy_cycles += flight.duration;
  link.bytes += flight.bytes;
  link.free_at = start + flight.duration;
  if (waves_ && flight.duration > 0) {
    waves_->link_busy(static_cast<int>(&link - links_.data()), start, link.free_at);
  }
  flight.head = start + link.latency;
  ++flight.hop;
  if (!link.stores_whole) return;
  flight.head += flight.duration;
  flight.duration = 0;
  flight.bytes_per_cycle = 0;
}

void Interconnect::deliver(int channel, MicroBatchId micro_batch, Arrival arrival) {
  last_arrival_ = std::max(last_arrival_, arrival.available);
  channels_[channel].spec.deliver(micro_batch, arrival);
}

void Interconnect::request(Cycles time, int link, int flight) {
  requests_.push(time, Request{link, flight});
  if (time >= armed_) return;
  armed_ = time;
  wheel_.call_at(number_, time, 0);
}

void Interconnect::on_time(Cycles now, int) {
  if (now >= armed_) armed_ = kUnlimited<std::int64_t>;
  // Decided after all calls: whatever happens at this time has then been requested.
  wheel_.decide_soon(number_);
}

void Interconnect::on_decide(Cycles now) {
  due_.clear();
  due_requests_.clear();
  while (requests_.next_time() <= now) requests_.take_due(due_requests_);
  for (const Request& request : due_requests_) {
    if (request.flight >= 0) waiting_[request.link].push_back(request.flight);
    due_.push_back(request.link);
  }
  std::sort(due_.begin(), due_.end());
  due_.erase(std::unique(due_.begin(), due_.end()), due_.end());
  for (const int link : due_) serve(link, now);
  if (requests_.next_time() < armed_) {
    armed_ = requests_.next_time();
    wheel_.call_at(number_, armed_, 0);
  }
}

bool Interconnect::goes_before(int a, int b) const {
  const Flight& first = flights_[a];
  const Flight& second = flights_[b];
  const bool first_gradient = channels_[first.channel].spec.gradient;
  const bool second_gradient = channels_[second.channel].spec.gradient;
  if (first_gradient != second_gradient) return first_gradient;
  if (first.micro_batch != second.micro_batch) return first.micro_batch < second.micro_batch;
  return first.channel < second.channel;
}

void Interconnect::serve(int l, Cycles now) {
  Link& link = links_[l];
  std::vector<int>& waiting = waiting_[l];
  while (!waiting.empty() && link.free_at <= now) {
    const auto first = std::min_element(waiting.begin(), waiting.end(),
                                        [this](int a, int b) { return goes_before(a, b); });
    const int flight = *first;
    *first = waiting.back();
    waiting.pop_back();
    take(link, flights_[flight], now);
    travel(flight);
  }
  if (!waiting.empty()) request(link.free_at, l, -1);
}

std::vector<LinkStatistics> Interconnect::report() const {
  std::vector<LinkStatistics> statistics;
  for (std::size_t l = 0; l < links_.size(); ++l) {
    const Link& link = links_[l];
    statistics.push_back(
        {topology_.links()[l].name, link.bytes, link.busy_cycles, link.wait_cycles});
  }
  return statistics;
}

}  // namespace stagecoach
