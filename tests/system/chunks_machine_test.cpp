// SPDX-License-Identifier: Apache-2.0
// Question: does the simulated machine keep the order that a schedule over chunks lists, at the
// speed that its paper says, whatever the machine's operations and links cost?
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/system/random_machine.h"

namespace stagecoach {
namespace {

/// A chain on the schedule's cores; every operation takes ten cycles.
MachinePlan even_machine(const Schedule& schedule, int stages) {
  ChainOptions options;
  options.stages = stages;
  MachinePlan plan = chain(options);
  for (StagePlan& stage : plan.stages) set_cost(stage, 10, 10, 0, 1, 10);
  share_cores(schedule, plan);
  return plan;
}

TEST_CASE("chunks on the machine take the ticks of their closed forms, in both pacings") {
  for (const int cores : {1, 2, 4}) {
    for (const int micro_batches : {2 * cores, 3 * cores + 1}) {
      const MicroBatchPlan plan(2 * micro_batches, 1, micro_batches, 1);
      for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
        CAPTURE(cores, micro_batches, static_cast<int>(pacing));
        for (const int chunks : {2, 3}) {
          const ScheduleSpec spec =
              chunked_spec(ScheduleKind::interleaved_one_f_one_b, pacing, chunks);
          const auto schedule = make_schedule(spec, cores * chunks, plan);
          const RunStatistics s = run(even_machine(*schedule, cores * chunks), spec, plan);
          CHECK(s.cycles == 10 * 2 * 2 * (chunks * micro_batches + cores - 1));
        }
        const ScheduleSpec spec = chunked_spec(ScheduleKind::zero_bubble_v, pacing);
        const auto schedule = make_schedule(spec, 2 * cores, plan);
        const RunStatistics s = run(even_machine(*schedule, 2 * cores), spec, plan);
        CHECK(s.cycles == 10 * (2 * 6 * micro_batches + cores - 1));
      }
    }
  }
}

TEST_CASE("a stage whose core works for another stage is idle, and never waits for output") {
  const MicroBatchPlan plan(16, 1, 8, 1);
  const ScheduleSpec spec = chunked_spec(ScheduleKind::zero_bubble_v, Pacing::elastic);
  const auto schedule = make_schedule(spec, 4, plan);
  const RunStatistics s = run(even_machine(*schedule, 4), spec, plan);
  for (const StageStatistics& stage : s.stages) {
    CHECK(stage.cycles[CycleKind::forward] == 10 * 16);
    CHECK(stage.cycles[CycleKind::backward] == 10 * 2 * 16);
    CHECK(stage.cycles[CycleKind::stall_output] == 0);
  }
  // One of a core's two stages works nearly always; to the other one its core is taken.
  CHECK(s.stages[0].cycles[CycleKind::idle] >= 10 * 3 * 16 / 2);
}

/// All operations of the run core by core, as the schedule lists them mini-batch by mini-batch.
std::vector<std::vector<std::pair<int, StageOperation>>> listed_order(const Schedule& schedule,
                                                                      const MicroBatchPlan& plan) {
  std::vector<std::vector<std::pair<int, StageOperation>>> all(
      static_cast<std::size_t>(schedule.cores()));
  for (MicroBatchId p = 0; p < plan.micro_batches(); p = plan.at(p).batch_end) {
    for (int core = 0; core < schedule.cores(); ++core) {
      for (const ListedOperation& op :
           schedule.core_order(core, static_cast<int>(plan.at(p).batch_end - p)))
        all[static_cast<std::size_t>(core)].push_back({op.stage, op.operation});
    }
  }
  return all;
}

std::vector<std::vector<std::pair<int, StageOperation>>> order_on_cores(
    const MachinePlan& plan, std::vector<SpanRecord> spans) {
  std::stable_sort(spans.begin(), spans.end(), [](const SpanRecord& a, const SpanRecord& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::vector<std::vector<std::pair<int, StageOperation>>> all(plan.cores.size());
  for (const SpanRecord& span : spans) {
    if (span.operation == StageOperation::update) continue;
    const StagePlan& stage = plan.stages[static_cast<std::size_t>(span.stage)];
    all[static_cast<std::size_t>(stage.forward_core)].push_back({span.stage, span.operation});
  }
  return all;
}

TEST_CASE("chunks keep their order on any machine, and better hardware never costs a cycle") {
  int faster = 0;
  for (int turn = 0; turn < 120; ++turn) {
    CAPTURE(turn);
    Draw draw(turn);
    const int chunks = turn % 2 == 0 ? 2 : draw(2, 3);
    const int cores = draw(1, 9 / chunks);  // random machines have up to nine stages
    const ScheduleSpec spec = chunked_spec(
        turn % 2 == 0 ? ScheduleKind::zero_bubble_v : ScheduleKind::interleaved_one_f_one_b,
        draw(0, 3) == 0 ? Pacing::lockstep : Pacing::elastic, chunks);
    const int batch = draw(1, 9);
    const MicroBatchPlan micro_batches(draw(8, 30), 1, batch, 1);
    const int stages = cores * chunks;
    const auto schedule = make_schedule(spec, stages, micro_batches);
    MachinePlan plan;
    do {
      plan = random_machine(draw, 1);
    } while (static_cast<int>(plan.stages.size()) != stages);
    for (StagePlan& stage : plan.stages) {
      // Instants have no order by time.
      for (OpCost StageCost::*op :
           {&StageCost::forward, &StageCost::backward, &StageCost::weight_gradient})
        (stage.cost[0].*op).cycles += 1;
    }
    share_cores(*schedule, plan);
    SpanRecorder spans;
    SimulationOptions options;
    options.spans = &spans;
    RecordingSink sink;
    const RunStatistics s = run(plan, spec, micro_batches, sink, options);
    CHECK(order_on_cores(plan, spans.spans) == listed_order(*schedule, micro_batches));
    MachinePlan ideal = plan;
    ideal.interconnect = {};
    const Cycles without_network = run(ideal, spec, micro_batches).cycles;
    CHECK(without_network <= s.cycles);
    faster += without_network < s.cycles;
    // What one stage of a core sends to another one crosses no link; inside a region it may.
    for (const LinkStatistics& link : s.links) {
      const bool inside = link.name.find("_region") != std::string::npos;
      if (cores == 1 && !inside) CHECK(link.bytes == 0);
    }
  }
  CHECK(faster > 20);
}

}  // namespace
}  // namespace stagecoach
