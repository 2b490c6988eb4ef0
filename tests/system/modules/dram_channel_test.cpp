// SPDX-License-Identifier: Apache-2.0
// The channel to DRAM alone.
#include "sim/modules/dram_channel.h"

#include <catch2/catch.hpp>

#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

using test::run_until;

/// 4 bytes a cycle, 7 cycles of latency.
struct ChannelBench {
  KernelScope kernel;
  EventWheel wheel{"wheel"};
  DramChannel channel{"dram", DramPlan{4.0, 7}, wheel};

  Cycles transfer(std::int64_t bytes, Cycles ready) {
    return channel.transfer(Bytes{bytes}, ready);
  }
};

TEST_CASE("dram channel: 22 bytes take 6 cycles and the latency, not 5") {
  ChannelBench b;
  CHECK(b.transfer(22, 100) == 100 + 6 + 7);
  CHECK(b.transfer(22, 100) != 100 + 6 + 6 + 6);
  CHECK(b.transfer(0, 100) == 100);
}

TEST_CASE("dram channel: requests are served in their order, and latencies overlap") {
  ChannelBench b;
  CHECK(b.transfer(40, 100) == 110 + 7);
  CHECK(b.transfer(40, 101) == 120 + 7);
  CHECK(b.transfer(4, 119) == 121 + 7);
  const DramStatistics s = b.channel.report();
  CHECK(s.bytes == 84);
  CHECK(s.busy_cycles == 21);
  CHECK(s.wait_cycles == 9 + 1);
}

TEST_CASE("dram channel: a request for later leaves the time before it to others") {
  ChannelBench b;
  CHECK(b.transfer(40, 150) == 160 + 7);  // an update behind its backward
  CHECK(b.transfer(80, 100) == 120 + 7);  // fits before
  // 30 cycles are left before it; the rest comes behind.
  CHECK(b.transfer(160, 110) == 170 + 7);
  CHECK(b.transfer(4, 100) == 171 + 7);
  CHECK(b.channel.report().busy_cycles == 10 + 20 + 40 + 1);
}

TEST_CASE("dram channel: what lies in the past is forgotten") {
  ChannelBench b;
  b.transfer(400, 0);
  run_until(200);
  CHECK(b.transfer(40, 200) == 210 + 7);
}

TEST_CASE("dram channel: without a limit only the latency is left") {
  KernelScope kernel;
  EventWheel wheel("wheel");
  DramChannel channel("dram", DramPlan{0, 7}, wheel);
  CHECK(channel.transfer(Bytes{1000}, 10) == 17);
  CHECK(channel.transfer(Bytes{1000}, 10) == 17);
}

}  // namespace
}  // namespace stagecoach
