// SPDX-License-Identifier: Apache-2.0
// Links: routes, latency without contention, what a saturated link does, arbitration, skip edges.
#include <catch2/catch.hpp>
#include <map>

#include "models/base/error.h"
#include "sim/plan/topology.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

ScheduleSpec pipelined() { return schedule_spec(ScheduleKind::pipelined, Pacing::elastic); }

std::vector<CorePlan> grid(int rows, int columns) {
  std::vector<CorePlan> cores;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      cores.push_back(CorePlan{"c" + std::to_string(r * columns + c), r, c, 1.0});
    }
  }
  return cores;
}

std::vector<std::string> names(Topology& topology, int from, int to) {
  std::vector<std::string> result;
  for (const int link : topology.route(from, to)) result.push_back(topology.links()[link].name);
  return result;
}

TEST_CASE("routes of every interconnect") {
  using Names = std::vector<std::string>;
  const auto cores = grid(3, 3);
  Topology ideal({InterconnectKind::ideal, 0, 0, 3, 3}, cores);
  CHECK(names(ideal, 0, 8).empty());
  Topology pairs({InterconnectKind::point_to_point, 4, 2, 3, 3}, cores);
  CHECK(names(pairs, 0, 8) == Names{"c0->c8"});
  CHECK(names(pairs, 4, 4).empty());
  Topology ring({InterconnectKind::ring, 4, 2, 3, 3}, cores);
  CHECK(names(ring, 7, 1) == Names{"c7->c8", "c8->c0", "c0->c1"});
  CHECK(names(ring, 1, 7) == Names{"c1->c0", "c0->c8", "c8->c7"});
  Topology bus({InterconnectKind::bus, 4, 2, 3, 3}, cores);
  CHECK(names(bus, 0, 1) == names(bus, 5, 2));
  Topology crossbar({InterconnectKind::crossbar, 4, 2, 3, 3}, cores);
  CHECK(names(crossbar, 3, 5) == Names{"c3_out", "c5_in"});
  Topology host({InterconnectKind::through_host, 4, 2, 3, 3}, cores);
  CHECK(names(host, 3, 5) == Names{"c3->host", "host->c5"});
  Topology copied({InterconnectKind::through_host, 4, 2, 3, 3, Copies::by_core}, cores);
  CHECK(names(copied, 3, 5).empty());
  // Along the row first, then along the column.
  Topology mesh({InterconnectKind::mesh2d, 4, 2, 3, 3}, cores);
  CHECK(names(mesh, 0, 5) ==
        Names{"tile(0,0)->tile(0,1)", "tile(0,1)->tile(0,2)", "tile(0,2)->tile(1,2)"});
  CHECK(names(mesh, 5, 0).size() == 3);
}

TEST_CASE("regions: a link is as wide as the shorter edge, a hop goes from middle to middle") {
  auto cores = grid(2, 2);
  cores[0].edge = 8, cores[1].edge = 3.2, cores[3].edge = 5;
  cores.erase(cores.begin() + 2);  // tile (1,0) is empty
  const auto links = [&](InterconnectKind kind, int from, int to) {
    Topology topology({kind, 4, 2, 2, 2}, cores);
    std::vector<std::pair<double, Cycles>> widths;
    for (const int link : topology.route(from, to)) {
      const LinkSpec& spec = topology.links()[link];
      widths.emplace_back(spec.bytes_per_cycle, spec.latency_cycles);
    }
    return widths;
  };
  using Widths = std::vector<std::pair<double, Cycles>>;
  CHECK(links(InterconnectKind::mesh2d, 0, 1) == Widths{{12, 12}});  // 2 x 5.6 hops
  CHECK(links(InterconnectKind::mesh2d, 0, 2) == Widths{{12, 12}, {12, 9}});
  CHECK(links(InterconnectKind::mesh2d, 2, 0) == Widths{{20, 10}, {20, 13}});  // over the empty one
  CHECK(links(InterconnectKind::point_to_point, 0, 2) == Widths{{20, 13}});
  CHECK(links(InterconnectKind::crossbar, 0, 2) == Widths{{32, 0}, {20, 10}});
  CHECK(links(InterconnectKind::bus, 0, 2) == Widths{{4, 2}});
}

TEST_CASE("regions: after a narrow link a message comes slowly over a wide one, not the reverse") {
  // Stage 0 stands two links from stage 1, over an empty tile or a core of another edge.
  MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, false, 2, 120});
  plan.interconnect = {InterconnectKind::mesh2d, 1.0, 0, 1, 3};
  plan.stages[0].forward_messages = {{1, 1, 120}, {2, 1, 120}};
  plan.stages[2].backward_messages = {{1, 2, 120}, {0, 1, 120}};
  const auto busy = [&](double edge0, double edge1, double edge2) {
    plan.cores[0].edge = edge0, plan.cores[1].edge = edge1, plan.cores[2].edge = edge2;
    std::map<std::string, Cycles> cycles;
    for (const LinkStatistics& link : run(plan, pipelined(), MicroBatchPlan(1, 1, 1, 1)).links) {
      cycles[link.name] = link.busy_cycles;
    }
    return cycles;
  };
  // To the right: its own message, and the one to stage 2; then stage 1's and that one again.
  auto cycles = busy(2, 4, 4);
  CHECK(cycles["tile(0,0)->tile(0,1)"] == 60 + 60);
  CHECK(cycles["tile(0,1)->tile(0,2)"] == 60 + 30);
  cycles = busy(4, 4, 2);
  CHECK(cycles["tile(0,0)->tile(0,1)"] == 30 + 30);
  CHECK(cycles["tile(0,1)->tile(0,2)"] == 60 + 60);
}

TEST_CASE("a transfer takes ceil(bytes / width) cycles, none without a limit") {
  CHECK(transfer_cycles(100, 0) == 0);
  CHECK(transfer_cycles(0, 4) == 0);
  CHECK(transfer_cycles(1, 4) == 1);
  CHECK(transfer_cycles(8, 4) == 2);
  CHECK(transfer_cycles(9, 4) == 3);
  CHECK(transfer_cycles(10, 2.5) == 4);
}

/// When stage 1 starts its first forward, and stage 0 its first backward, without contention.
std::pair<Cycles, Cycles> first_moves(const MachinePlan& plan) {
  RecordingSink sink;
  SpanRecorder spans;
  SimulationOptions options;
  options.spans = &spans;
  run(plan, pipelined(), MicroBatchPlan(1, 1, 1, 1), sink, options);
  std::pair<Cycles, Cycles> moves;
  for (const SpanRecord& span : spans.spans) {
    if (span.stage == 1 && span.operation == StageOperation::forward) moves.first = span.begin;
    if (span.stage == 0 && span.operation == StageOperation::backward) moves.second = span.begin;
  }
  return moves;
}

TEST_CASE("without contention a message takes hops x latency + ceil(bytes / width)") {
  MachinePlan plan = chain(ChainOptions{2, 10, 6, 4, 1, false, 2, 100});
  const Cycles made_forward = 10, transfer = 15;  // 100 bytes over 7 a cycle
  for (int hops = 1; hops <= 6; ++hops) {
    plan.cores[1].row = hops / 2;
    plan.cores[1].column = hops - hops / 2;
    plan.interconnect = {InterconnectKind::mesh2d, 7.0, 3, 4, 4};
    plan.cores[0].column = 0;
    const auto moves = first_moves(plan);
    CHECK(moves.first == made_forward + hops * 3 + transfer);
    // Stage 1: forward 10, backward 6, and back over as many hops.
    CHECK(moves.second == moves.first + 10 + 6 + hops * 3 + transfer);
  }
  for (const auto kind : {InterconnectKind::point_to_point, InterconnectKind::ring,
                          InterconnectKind::bus, InterconnectKind::crossbar}) {
    plan.interconnect = {kind, 7.0, 3, 1, 2};
    CHECK(first_moves(plan).first == made_forward + 3 + transfer);
  }
  plan.interconnect = {InterconnectKind::ideal, 7.0, 3, 1, 2};
  CHECK(first_moves(plan).first == made_forward);
}

TEST_CASE("a saturated link sets the rate and is busy all the time, one more byte a cycle helps") {
  MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, false, 2, 400});
  plan.interconnect = {InterconnectKind::point_to_point, 10.0, 1, 1, 3};
  const MicroBatchPlan micro_batches(300, 1, 1, 1);
  // Little's law: messages under way count as in flight, so the schedule's own bound is too low.
  ScheduleSpec roomy = pipelined();
  roomy.max_in_flight = {40};
  const RunStatistics s = run(plan, roomy, micro_batches);
  CHECK(s.steady_cycles == s.steady_samples * 40);
  for (const auto& link : s.links) {
    CHECK(link.bytes == 300 * 400);
    CHECK(link.busy_cycles == 300 * 40);
    CHECK(link.busy_cycles > s.cycles * 97 / 100);
  }
  CHECK(s.stages[2].cycles[CycleKind::stall_interconnect] > 300 * 15);
  plan.interconnect.link_bytes_per_cycle = 11;
  const RunStatistics faster = run(plan, roomy, micro_batches);
  CHECK(faster.steady_cycles == faster.steady_samples * 37);
  plan.interconnect.link_bytes_per_cycle = 0;
  const RunStatistics unlimited = run(plan, pipelined(), micro_batches);
  CHECK(unlimited.steady_cycles == unlimited.steady_samples * 20);
  CHECK(unlimited.stages[2].cycles[CycleKind::stall_interconnect] <=
        300);  // one hop of latency a message
}

TEST_CASE("every bus transfer is counted once and two never overlap") {
  MachinePlan plan = chain(ChainOptions{4, 10, 6, 4, 1, false, 2, 64});
  plan.interconnect = {InterconnectKind::bus, 8.0, 2, 1, 4};
  const RunStatistics s = run(plan, pipelined(), MicroBatchPlan(200, 1, 1, 1));
  REQUIRE(s.links.size() == 1);
  CHECK(s.links[0].bytes == 200 * 6 * 64);
  CHECK(s.links[0].busy_cycles == 200 * 6 * 8);
  CHECK(s.links[0].wait_cycles > 0);
  // Six transfers of 8 cycles a sample are more than the stages' 20.
  CHECK(s.steady_cycles == s.steady_samples * 48);
  for (const auto& stage : s.stages) CHECK(stage.cycles.total() == s.cycles);
}

TEST_CASE(
    "requests of one time: a gradient goes before an activation, then the older micro-batch") {
  // Stages 0 and 2 both send to stage 1 over its crossbar port at the same time, every sample.
  MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, false, 2, 50});
  plan.interconnect = {InterconnectKind::crossbar, 10.0, 0, 1, 3};
  SpanRecorder spans;
  SimulationOptions options;
  options.spans = &spans;
  RecordingSink sink;
  const RunStatistics s = run(plan, pipelined(), MicroBatchPlan(100, 1, 1, 1), sink, options);
  for (const auto& link : s.links) CHECK(link.busy_cycles == link.bytes.count() / 10);
  // The same again is the same, to the last slice.
  SpanRecorder again;
  options.spans = &again;
  RecordingSink other;
  CHECK(run(plan, pipelined(), MicroBatchPlan(100, 1, 1, 1), other, options).cycles == s.cycles);
  REQUIRE(again.spans.size() == spans.spans.size());
  for (std::size_t i = 0; i < spans.spans.size(); ++i) {
    REQUIRE(again.spans[i].begin == spans.spans[i].begin);
    REQUIRE(again.spans[i].micro_batch == spans.spans[i].micro_batch);
  }
}

/// A chain in which stage `from` also feeds stage `to`.
MachinePlan with_skip(int stages, int from, int to) {
  MachinePlan plan = chain(ChainOptions{stages, 10, 6, 4, 1, false, 2, 8});
  plan.stages[from].forward_messages.push_back({to, from + 1, 8});
  plan.stages[to].backward_messages.push_back({from, from + 1, 8});
  return plan;
}

TEST_CASE("a skip edge costs no rate and no staleness, however far it reaches, and takes space") {
  for (const int q : {1, 2, 4}) {
    for (const int to : {2, 5, 11}) {
      MachinePlan plain = chain(ChainOptions{12, 10, 6, 4, 1, false, 2, 8});
      MachinePlan skip = with_skip(12, 0, to);
      plain.input_queue_micro_batches = skip.input_queue_micro_batches = q;
      const MicroBatchPlan micro_batches(300, 1, 1, 1);
      RecordingSink a, b;
      const RunStatistics without = run(plain, pipelined(), micro_batches, a);
      const RunStatistics with = run(skip, pipelined(), micro_batches, b);
      CAPTURE(q, to);
      CHECK(with.cycles == without.cycles);
      for (int k = 0; k < 12; ++k) CHECK(a.of_stage(k) == b.of_stage(k));
      CHECK(with.stages[to].peak_skip_bytes >= 8 * (to - 1));
      CHECK(without.stages[to].peak_skip_bytes == 0);
    }
  }
}

TEST_CASE("a stage waits for all its inputs, a producer for the gradients of all its readers") {
  MachinePlan plan = with_skip(3, 0, 2);
  set_cost(plan.stages[1], 100, 70, 0);
  plan.interconnect = {InterconnectKind::mesh2d, 1.0, 1, 1, 3};
  SpanRecorder spans;
  SimulationOptions options;
  options.spans = &spans;
  RecordingSink sink;
  run(plan, pipelined(), MicroBatchPlan(1, 1, 1, 1), sink, options);
  std::vector<Cycles> forward(3), backward(3);
  for (const SpanRecord& span : spans.spans) {
    if (span.operation == StageOperation::forward) forward[span.stage] = span.begin;
    if (span.operation == StageOperation::backward) backward[span.stage] = span.begin;
  }
  CHECK(forward[1] == 10 + 9);  // one hop, 8 bytes
  CHECK(forward[2] == forward[1] + 100 + 9);
  CHECK(backward[2] == forward[2] + 10);
  CHECK(backward[0] == backward[1] + 70 + 9);
}

TEST_CASE("a later stage that reads the network's input gets it from the host") {
  MachinePlan plan = chain(ChainOptions{4, 10, 6, 4, 1, false, 2, 8});
  plan.stages[2].input_bytes_per_sample = 24;
  const RunStatistics s = run(plan, pipelined(), MicroBatchPlan(100, 1, 1, 1));
  CHECK(s.host_bytes == 100 * (8 + 24));
  CHECK(s.micro_batches == 100);
}

TEST_CASE("the host's channel sets the rate when it is the slowest") {
  MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, false, 2, 300});
  plan.interconnect = {};
  // Two micro-batches can be on their way (the queue's depth), so a latency below a transfer is
  // hidden.
  plan.host = {4.0, 60};
  const RunStatistics s = run(plan, pipelined(), MicroBatchPlan(200, 1, 1, 1));
  CHECK(s.steady_cycles == s.steady_samples * 75);
  CHECK(s.stages[0].cycles[CycleKind::stall_interconnect] > 200 * 50);
  CHECK(s.cycles >= 60 + 200 * 75);
  plan.host.latency_cycles = 1000;
  const RunStatistics far = run(plan, pipelined(), MicroBatchPlan(200, 1, 1, 1));
  CHECK(2 * far.steady_cycles == far.steady_samples * (1000 + 75));
}

TEST_CASE("the way out to the host sets the rate when it is the slowest") {
  MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, false, 2, 8});
  plan.interconnect = {};
  plan.host = {4.0, 60};
  SimulationOptions options;
  options.output_bytes_per_sample = 300;
  RecordingSink sink;
  const MicroBatchPlan micro_batches(200, 1, 1, 1);
  const RunStatistics s = run(plan, pipelined(), micro_batches, sink, options);
  CHECK(s.host_bytes == 200 * (8 + 300));
  CHECK(s.steady_cycles == s.steady_samples * 75);
  CHECK(s.stages[2].cycles[CycleKind::stall_output] > 200 * 50);
  CHECK(s.stages[2].cycles.total() == s.cycles);
  const RunStatistics ticks = run(plan, schedule_spec(ScheduleKind::pipelined, Pacing::lockstep),
                                  micro_batches, sink, options);
  CHECK(ticks.steady_cycles == ticks.steady_samples * (10 + 75));  // made in the tick, then sent
  options.output_bytes_per_sample = 72;  // 18 cycles of the 20 that a sample takes
  CHECK(run(plan, pipelined(), micro_batches, sink, options).cycles ==
        run(plan, pipelined(), micro_batches).cycles);
}

TEST_CASE(
    "unlimited compute gives bytes over bandwidth, and a machine that costs nothing no time") {
  MachinePlan plan = chain(ChainOptions{4, 0, 0, 0, 1, false, 2, 120});
  const MicroBatchPlan micro_batches(400, 1, 1, 1);
  CHECK(run(plan, pipelined(), micro_batches).cycles == 0);
  plan.interconnect = {InterconnectKind::point_to_point, 10.0, 0, 1, 4};
  const RunStatistics s = run(plan, pipelined(), micro_batches);
  CHECK(s.steady_cycles >= s.steady_samples * 12);
  CHECK(s.steady_cycles <= s.steady_samples * 13);
}

TEST_CASE(
    "traffic inside a unit of cores is counted, waited for and reported as a link of its own") {
  for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
    for (const bool separate : {false, true}) {
      MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, separate, 2, 8});
      StageCost& cost = plan.stages[1].cost[0];
      cost.forward = {10, 17, 0, 5, 15, 200};  // 2 cycles of memory, 5 of the links
      cost.backward = {6, 6, 0, 0, 4, 300};
      const RunStatistics s =
          run(plan, schedule_spec(ScheduleKind::pipelined, pacing), MicroBatchPlan(50, 1, 1, 1));
      std::map<std::string, LinkStatistics> links;
      for (const LinkStatistics& link : s.links) links[link.name] = link;
      REQUIRE(links.count("s1_region") == 1);
      CHECK(links.count("s0_region") == 0);
      CHECK(links["s1_region"].bytes == 50 * (separate ? 200 : 500));
      CHECK(links["s1_region"].busy_cycles == 50 * (separate ? 15 : 19));
      CHECK(links.count("s1_region_backward") == (separate ? 1u : 0u));
      CHECK(s.stages[1].cycles.total() == s.cycles);
      if (separate) continue;  // forward and backward overlap there
      CHECK(s.stages[1].cycles[CycleKind::forward] == 50 * 10);
      CHECK(s.stages[1].cycles[CycleKind::stall_memory] == 50 * 2);
      CHECK(s.stages[1].cycles[CycleKind::stall_interconnect] >= 50 * 5);
    }
  }
}

TEST_CASE("a wider link never costs cycles on a chain") {
  MachinePlan plan = chain(ChainOptions{5, 10, 6, 4, 1, false, 2, 100});
  Cycles before = kUnlimited<std::int64_t>;
  for (const double width : {1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 100.0, 0.0}) {
    plan.interconnect = {InterconnectKind::mesh2d, width, 1, 1, 5};
    const Cycles cycles = run(plan, pipelined(), MicroBatchPlan(150, 1, 1, 1)).cycles;
    CHECK(cycles <= before);
    before = cycles;
  }
}

}  // namespace
}  // namespace stagecoach
