// SPDX-License-Identifier: Apache-2.0
// The interconnect alone: a wheel, and stub receivers.
#include "sim/modules/interconnect.h"

#include <catch2/catch.hpp>

#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

using test::run_until;

struct InterconnectBench {
  KernelScope kernel;
  EventWheel wheel{"wheel"};
  std::vector<CorePlan> cores{{"a", 0, 0}, {"b", 0, 1}, {"c", 0, 2}};
  Interconnect network;
  test::StubInbox inbox;

  /// 4 bytes a cycle, 3 cycles a hop.
  explicit InterconnectBench(InterconnectKind kind)
      : network("network", InterconnectPlan{kind, 4.0, 3, 1, 3}, cores, wheel) {}

  int open(int from, int to, bool gradient = false) {
    return network.open({from, to, gradient, 0, &inbox});
  }
  Cycles available(std::size_t n) const { return inbox.deposits.at(n).arrival.available; }
};

TEST_CASE("interconnect: 22 bytes over one link of its own take 3 + 6 cycles, not 8") {
  InterconnectBench b(InterconnectKind::point_to_point);
  const int channel = b.open(0, 1);
  b.network.send(channel, 0, 22, 100);
  REQUIRE(b.inbox.deposits.size() == 1);  // booked ahead of time
  CHECK(b.inbox.deposits[0].arrival.made == 100);
  CHECK(b.available(0) == 109);
  CHECK(b.available(0) != 108);
  // The next one waits for the link, 6 cycles a message, and overlaps with the latency.
  b.network.send(channel, 1, 22, 101);
  CHECK(b.available(1) == 106 + 9);
  CHECK(b.network.unsettled() == 0);
  CHECK(b.network.last_arrival() == 115);
  const LinkStatistics link = b.network.report().at(0);
  CHECK(link.name == "a->b");
  CHECK(link.bytes == 44);
  CHECK(link.busy_cycles == 12);
  CHECK(link.wait_cycles == 5);
}

TEST_CASE("interconnect: over two hops a message takes the latency twice and the width once") {
  InterconnectBench b(InterconnectKind::mesh2d);
  b.network.send(b.open(0, 2), 7, 8, 10);
  REQUIRE(b.inbox.deposits.size() == 1);
  CHECK(b.inbox.deposits[0].micro_batch == 7);
  CHECK(b.available(0) == 10 + 3 + 3 + 2);
  CHECK(b.network.unsettled() == 0);
}

TEST_CASE("interconnect: a link that two cores feed is decided at the request's time, not before") {
  InterconnectBench b(InterconnectKind::bus);
  const int forward = b.open(0, 2), gradient = b.open(1, 2, true);
  int settled = 0;
  b.network.on_settled([&] { ++settled; });
  b.network.send(forward, 0, 8, 20);
  b.network.send(gradient, 0, 8, 20);
  run_until(19);
  CHECK(b.inbox.deposits.empty());
  CHECK(b.network.unsettled() == 2);
  run_until(20);
  REQUIRE(b.inbox.deposits.size() == 1);
  CHECK(b.inbox.deposits[0].edge == -1);  // the gradient goes first
  CHECK(b.available(0) == 20 + 3 + 2);
  run_until(21);
  CHECK(b.inbox.deposits.size() == 1);
  run_until(22);  // the bus is free again
  REQUIRE(b.inbox.deposits.size() == 2);
  CHECK(b.inbox.deposits[1].told_at == 22);
  CHECK(b.available(1) == 22 + 3 + 2);
  CHECK(b.network.unsettled() == 0);
  CHECK(settled == 1);
}

TEST_CASE("interconnect: between stages of one core a message needs no link and no time") {
  InterconnectBench b(InterconnectKind::mesh2d);
  b.network.send(b.open(1, 1), 0, 1000, 42);
  REQUIRE(b.inbox.deposits.size() == 1);
  CHECK(b.available(0) == 42);
  CHECK(b.network.report().empty());
}

}  // namespace
}  // namespace stagecoach
