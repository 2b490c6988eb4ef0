// SPDX-License-Identifier: Apache-2.0
// Closed forms of pipelines, queues, buffers, ports and links, each held to the cycle: a machine
// that took one cycle more or one fewer would fail. The forms are written here by hand.
#include <algorithm>
#include <catch2/catch.hpp>

#include "sim/timing/memory.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

ScheduleSpec plain_pipelined() { return schedule_spec(ScheduleKind::pipelined, Pacing::elastic); }

RunStatistics pipelined_run(const MachinePlan& plan, int samples) {
  return run(plan, plain_pipelined(), MicroBatchPlan(samples, 1, 1, 1));
}

/// S stages of forward 10, backward 6, update 4, `hop` cycles apart.
MachinePlan even_chain(int stages, Cycles hop) {
  MachinePlan plan = chain(ChainOptions{stages, 10, 6, 4, 1, false, 2, 100});
  plan.interconnect = {InterconnectKind::point_to_point, 0.0, hop, 1, stages};
  return plan;
}

TEST_CASE("fill and drain: equal stages take (S-1)(F + B + 2 hops) + N (F + B + U), exactly") {
  for (int stages : {1, 2, 5, 9}) {
    for (int samples : {1, 2, 50}) {
      for (Cycles hop : {0, 3}) {
        const RunStatistics s = pipelined_run(even_chain(stages, hop), samples);
        CAPTURE(stages, samples, hop);
        CHECK(s.cycles == (stages - 1) * (10 + 6 + 2 * hop) + samples * 20);
        // Filling is the wait of the last stage before its first operation, draining after it.
        const StageCycles& last = s.stages.back().cycles;
        CHECK(last.busy() == samples * 20);
        CHECK(s.cycles - last.busy() == (stages - 1) * (10 + 6 + 2 * hop));
      }
    }
  }
}

TEST_CASE("fill and drain: a slow last stage is never without work between first and last sample") {
  for (int samples : {1, 7, 60}) {
    MachinePlan plan = even_chain(5, 3);
    set_cost(plan.stages.back(), 30, 20, 7);
    // Down 4 stages, N samples at the last, its last update beside the way up, update of stage 0.
    CHECK(pipelined_run(plan, samples).cycles == 4 * (10 + 3) + samples * 57 - 7 + 4 * (3 + 6) + 4);
  }
}

TEST_CASE("steady rate: the slowest stage is busy from its first to its last operation") {
  for (int slow = 0; slow < 4; ++slow) {
    for (int samples : {1000, 2000}) {
      MachinePlan plan = chain(ChainOptions{4, 10, 6, 4});
      set_cost(plan.stages[slow], 30, 20, 7);
      const RunStatistics s = pipelined_run(plan, samples);
      const StageCycles& cycles = s.stages[slow].cycles;
      CAPTURE(slow, samples);
      CHECK(cycles.busy() == samples * 57);
      // What is left is filling and draining of the other three, at most 10 + 6 and 4 each, and no
      // more for twice the samples.
      CHECK(s.cycles >= samples * 57);
      CHECK(s.cycles <= samples * 57 + 3 * (10 + 6) + 4);
    }
  }
}

TEST_CASE("double buffering: a host channel in front of a stage takes the closed form's cycles") {
  for (Cycles load : {5, 20, 40}) {
    for (int samples : {1, 2, 30}) {
      MachinePlan plan = chain(ChainOptions{1, 10, 6, 4, 1, false, 2, 100});
      plan.host = {100.0 / static_cast<double>(load), 0};
      const Cycles cycles = pipelined_run(plan, samples).cycles;
      CHECK(cycles == load + (samples - 1) * std::max<Cycles>(load, 20) + 20);
      const std::vector<TileTimes> tiles(static_cast<std::size_t>(samples), {load, 20, 0});
      CHECK(cycles == double_buffered_cycles(tiles));
    }
  }
}

TEST_CASE("double buffering: two places hide a transfer behind its producer, one place does not") {
  for (int queue : {1, 2, 3}) {
    for (Cycles make : {5, 20}) {
      for (Cycles transfer : {5, 30}) {
        MachinePlan plan = chain(ChainOptions{2, 10, 0, 0, 1, true, queue, 100});
        set_cost(plan.stages[0], make, 0, 0);
        plan.interconnect = {InterconnectKind::point_to_point,
                             100.0 / static_cast<double>(transfer), 0, 1, 3};
        ScheduleSpec roomy = plain_pipelined();
        roomy.max_in_flight = {1000};
        const Cycles period = queue == 1 ? std::max<Cycles>(make + transfer, 10)
                                         : std::max({make, transfer, Cycles{10}});
        CAPTURE(queue, make, transfer);
        for (int samples : {1, 2, 40}) {
          // First sample down, the others a period apart, the last gradient back.
          CHECK(run(plan, roomy, MicroBatchPlan(samples, 1, 1, 1)).cycles ==
                make + transfer + (samples - 1) * period + 10 + transfer);
        }
      }
    }
  }
}

/// Ticks of 10 cycles: every operation takes one, the last stage does both of its in one.
MachinePlan ticking(int stages) {
  MachinePlan plan = chain(ChainOptions{stages, 10, 10, 0, 1, true});
  set_cost(plan.stages.back(), 5, 5, 0);
  return plan;
}

/// Cycles that N more samples take once the pipeline is in its steady state, and the largest delay.
struct Steady {
  Cycles cycles = 0;
  std::int64_t largest_delay = 0;
};

Steady steady(const MachinePlan& plan, const ScheduleSpec& spec, int samples, int stage) {
  const RunStatistics half = run(plan, spec, MicroBatchPlan(samples, 1, 1, 1));
  const RunStatistics whole = run(plan, spec, MicroBatchPlan(2 * samples, 1, 1, 1));
  return {whole.cycles - half.cycles, whole.stages[stage].staleness.histogram.rbegin()->first};
}

TEST_CASE("a stage that holds B samples passes B in 2(S-1-k)+1 ticks, with staleness B-1") {
  for (int stages : {1, 2, 4, 6}) {
    for (int k = 0; k < stages; ++k) {
      const int round_trip = 2 * (stages - 1 - k) + 1;
      for (int held = 1; held <= round_trip + 1; ++held) {
        const MachinePlan plan = ticking(stages);
        ScheduleSpec spec = plain_pipelined();
        for (int j = 0; j < stages; ++j) {
          spec.max_in_flight.push_back(j == k ? held : 2 * (stages - 1 - j) + 1);
        }
        const int samples = 60 * held;  // whole turns of B samples
        const Steady s = steady(plan, spec, samples, k);
        CAPTURE(stages, k, held);
        // Throughput min(1, B / (2(S-1-k)+1)) samples a tick.
        CHECK(s.cycles * held == samples * 10 * std::max(round_trip, held));
        CHECK(s.largest_delay == std::min(held, round_trip) - 1);
      }
    }
  }
}

TEST_CASE("a buffer of B samples does the same at stage 0, in either pacing") {
  for (Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
    for (int stages : {2, 5}) {
      const int round_trip = 2 * stages - 1;
      for (int held = 1; held <= round_trip + 1; ++held) {
        MachinePlan plan = ticking(stages);
        plan.stages[0].capacity_micro_batches = held;
        const int samples = 60 * held;
        const Steady s = steady(plan, schedule_spec(ScheduleKind::pipelined, pacing), samples, 0);
        CAPTURE(static_cast<int>(pacing), stages, held);
        CHECK(s.cycles * held == samples * 10 * std::max(round_trip, held));
        CHECK(s.largest_delay == std::min(held, round_trip) - 1);
      }
    }
  }
}

TEST_CASE("a later stage's buffer takes its sample a tick earlier, when the one before begins it") {
  for (int k = 1; k < 4; ++k) {
    const int round_trip = 2 * (4 - 1 - k) + 2;
    for (int held = 1; held <= round_trip; ++held) {
      MachinePlan plan = ticking(4);
      plan.stages[k].capacity_micro_batches = held;
      const int samples = 60 * held;
      CAPTURE(k, held);
      const Steady s = steady(plan, plain_pipelined(), samples, k);
      CHECK(s.cycles * held == samples * 10 * round_trip);
      CHECK(s.largest_delay <= held - 1);
    }
  }
}

TEST_CASE("port conflicts: what a shared port adds to each operation is booked, cycle by cycle") {
  // 640 bytes to read and 360 to write; the operation computes for 50 cycles.
  BufferSpec buffer;
  buffer.width_bytes = 8;
  const PortTraffic traffic{640, 360};
  struct Case {
    int read, write, shared;
    Cycles cycles;
  };
  const Case cases[] = {{1, 1, 0, 80},   // side by side: the reads, 640 / 8
                        {0, 0, 1, 125},  // one after the other: 1000 / 8
                        {1, 0, 1, 63},   // writes by turns with half of the reads: 1000 / 16
                        {2, 2, 0, 50}};  // 40: hidden behind compute
  for (const Case& c : cases) {
    buffer.read_ports = c.read, buffer.write_ports = c.write, buffer.shared_ports = c.shared;
    const Cycles memory = port_cycles(buffer, traffic);
    MachinePlan plan = chain(ChainOptions{1, 10, 6, 50, 1});
    plan.stages[0].cost[0].update.cycles = std::max<Cycles>(50, memory);
    const RunStatistics s = pipelined_run(plan, 40);
    CAPTURE(c.read, c.write, c.shared);
    CHECK(s.cycles == 40 * (10 + 6 + c.cycles));
    CHECK(s.stages[0].cycles[CycleKind::stall_memory] == 40 * (c.cycles - 50));
    CHECK(s.stages[0].cycles[CycleKind::update] == 40 * 50);
  }
}

TEST_CASE("a link that two flows share is busy all the time and gives each half its rate") {
  // Stages 0 and 1 both send to stage 2 along the row: the last link of the mesh carries both.
  MachinePlan plan = chain(ChainOptions{3, 10, 0, 0, 1, false, 2, 0});
  plan.stages[0].forward_messages = {{1, 1, 0}, {2, 1, 240}};
  plan.stages[1].forward_messages = {{2, 2, 240}};
  plan.stages[2].backward_messages = {{1, 2, 0}, {0, 1, 0}};
  plan.interconnect = {InterconnectKind::mesh2d, 8.0, 1, 1, 3};
  ScheduleSpec roomy = plain_pipelined();
  roomy.max_in_flight = {100};
  const RunStatistics half = run(plan, roomy, MicroBatchPlan(200, 1, 1, 1));
  const RunStatistics whole = run(plan, roomy, MicroBatchPlan(400, 1, 1, 1));
  // Two messages of 30 cycles a sample on the last link: 60 cycles, not 10 and not 30.
  CHECK(whole.cycles - half.cycles == 200 * 60);
  for (const LinkStatistics& link : whole.links) {
    if (link.name != "tile(0,1)->tile(0,2)") continue;
    CHECK(link.busy_cycles == 400 * 60);
    CHECK(link.bytes == 400 * 480);
    CHECK(link.wait_cycles > 0);
  }
}

}  // namespace
}  // namespace stagecoach
