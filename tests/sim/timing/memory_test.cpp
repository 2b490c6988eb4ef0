// SPDX-License-Identifier: Apache-2.0
// Question: do ports, double buffering and DRAM cost bytes over bandwidth, and nothing more?
#include "sim/timing/memory.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace stagecoach {
namespace {

BufferSpec ports(int read, int write, int shared, double width = 8, int banks = 1) {
  BufferSpec b;
  b.read_ports = read, b.write_ports = write, b.shared_ports = shared;
  b.width_bytes = width, b.banks = banks;
  return b;
}

TEST_CASE("separate ports work at once, a shared port serves one after the other") {
  const PortTraffic t{800, 400};
  CHECK(port_cycles(ports(1, 1, 0), t) == 100);
  CHECK(port_cycles(ports(0, 0, 1), t) == 150);
  CHECK(port_cycles(ports(2, 1, 0), t) == 50);
  // One read port and one shared: reads 800 over 16, writes 400 over 8, all 1200 over 16.
  CHECK(port_cycles(ports(1, 0, 1), t) == 75);
  CHECK(port_cycles(ports(1, 1, 0, 8, 4), t) == 25);
  CHECK(port_cycles(ports(1, 1, 0), t, 4) == 25);
  CHECK(port_cycles(ports(1, 1, 0), {801, 0}) == 101);  // the last byte takes a cycle
  CHECK(port_cycles(ports(1, 1, 0), {0, 0}) == 0);
}

TEST_CASE("the least time with shared ports is reached by an hour-by-hour scheduler") {
  for (int r = 0; r <= 2; ++r) {
    for (int w = 0; w <= 2; ++w) {
      for (int s = 0; s <= 2; ++s) {
        if (r + s == 0 || w + s == 0) continue;
        for (int reads : {0, 5, 17}) {
          for (int writes : {0, 3, 40}) {
            // Greedy: shared ports help whichever side would finish later.
            double left_r = reads, left_w = writes;
            Cycles cycles = 0;
            while (left_r > 0 || left_w > 0) {
              left_r -= r, left_w -= w;
              for (int i = 0; i < s; ++i) {
                const double need_r = left_r / (r + 0.001), need_w = left_w / (w + 0.001);
                (need_r >= need_w ? left_r : left_w) -= 1;
              }
              ++cycles;
            }
            const Cycles closed = port_cycles(ports(r, w, s, 1), {1.0 * reads, 1.0 * writes});
            CAPTURE(r, w, s, reads, writes);
            CHECK(closed <= cycles);
            CHECK(cycles <= closed + 1);  // the greedy may lose one to whole slots
          }
        }
      }
    }
  }
}

TEST_CASE("an unlimited width takes no cycles") {
  CHECK(port_cycles(ports(1, 1, 0, kUnlimited<double>), {1e12, 1e12}) == 0);
}

TEST_CASE("double buffering hides all but the first load and the last store") {
  CHECK(double_buffered_cycles({}) == 0);
  CHECK(double_buffered_cycles({{5, 20, 3}}) == 28);
  CHECK(double_buffered_cycles({{5, 20, 3}, {5, 20, 3}, {5, 20, 3}}) == 5 + 60 + 3);
  // Loads slower than compute: load, then max(2, 10), max(2, 10), max(2, store 1).
  CHECK(double_buffered_cycles({{10, 2, 1}, {10, 2, 1}, {10, 2, 1}}) == 10 + 10 + 10 + 2 + 1);
  // Stores slower: tile 2 waits for the store of tile 1.
  CHECK(double_buffered_cycles({{1, 2, 9}, {1, 2, 9}}) == 1 + 2 + 9 + 9);
}

TEST_CASE("DRAM takes its latency once and then bytes over the share of its bandwidth") {
  DramSpec dram;
  dram.arbitration = Arbitration::equal_shares;
  dram.bandwidth_gb_per_s = 16;
  dram.latency_ns = 100;
  CHECK(dram_cycles(dram, 1600, 1000) == 100 + 100);
  CHECK(dram_cycles(dram, 1600, 500) == 50 + 50);
  CHECK(dram_cycles(dram, 1600, 1000, 4) == 100 + 400);
  CHECK(dram_cycles(dram, 0, 1000) == 0);
  // One after the other a transfer has all of the bandwidth, once the channel is free.
  dram.arbitration = Arbitration::first_come;
  CHECK(dram_cycles(dram, 1600, 1000, 4) == 100 + 100);
  dram.bandwidth_gb_per_s = kUnlimited<double>;
  CHECK(dram_cycles(dram, 1e15, 1000) == 100);
}

TEST_CASE("bursts whose row is not open take the time of a row miss more") {
  DramSpec dram;
  dram.bandwidth_gb_per_s = 16;  // a burst of 64 bytes in 4 ns
  dram.row_hit_rate = 0.75;
  dram.row_miss_ns = 48;  // 12 ns for each burst
  CHECK(dram_bytes_per_cycle(dram, 1000) == Approx(64.0 / 16));
  CHECK(dram_cycles(dram, 6400, 1000) == 1600);
  dram.burst_bytes = 128;
  CHECK(dram_bytes_per_cycle(dram, 1000) == Approx(128.0 / 20));
}

}  // namespace
}  // namespace stagecoach
