// SPDX-License-Identifier: Apache-2.0
// Question: can better hardware cost cycles? Not under a schedule that plans its order: 300
// machines drawn at random, each against itself with faster operations, faster links, or no network
// at all.
#include <catch2/catch.hpp>

#include "sim/schedule/planned_order.h"
#include "tests/system/random_machine.h"

namespace stagecoach {
namespace {

constexpr ScheduleKind kPlanned[] = {ScheduleKind::fill_drain, ScheduleKind::one_f_one_b_flush};

/// Every operation as long as before or shorter.
void hurry(Draw& draw, MachinePlan& plan) {
  for (StagePlan& stage : plan.stages) {
    const int percent = draw(0, 100);
    for (StageCost& cost : stage.cost) {
      for (OpCost* op : {&cost.forward, &cost.backward, &cost.update}) {
        op->cycles = op->cycles * percent / 100;
        op->compute_cycles = std::min(op->compute_cycles, op->cycles);
        op->interconnect_cycles = 0;
        op->region_busy_cycles = std::min(op->region_busy_cycles, op->cycles);
      }
    }
  }
}

/// The same machine at twice the clock: what takes ns (a host's channel, and every operation of
/// some stages, as on rooflines) takes twice the cycles.
MachinePlan at_twice_the_clock(Draw& draw, MachinePlan plan) {
  plan.host.latency_cycles *= 2;
  plan.host.bytes_per_cycle /= 2;
  for (StagePlan& stage : plan.stages) {
    if (draw(0, 1) == 0) continue;
    for (StageCost& cost : stage.cost) {
      for (OpCost* op : {&cost.forward, &cost.backward, &cost.update}) {
        op->cycles *= 2;
        op->compute_cycles *= 2;
        op->interconnect_cycles *= 2;
      }
    }
  }
  return plan;
}

/// Messages of several cores meet at a link, which serves them as they come.
bool shares_links(const MachinePlan& plan) {
  switch (plan.interconnect.kind) {
    case InterconnectKind::ideal:
    case InterconnectKind::point_to_point:
      return false;
    case InterconnectKind::ring:
    case InterconnectKind::bus:
    case InterconnectKind::crossbar:
    case InterconnectKind::mesh2d:
    case InterconnectKind::through_host:
      return true;
  }
  return true;
}

void widen_links(MachinePlan& plan) {
  plan.interconnect.link_bytes_per_cycle *= 2;
  plan.interconnect.hop_latency_cycles = plan.interconnect.hop_latency_cycles / 2;
  plan.host.bytes_per_cycle *= 2;
  plan.host.latency_cycles = plan.host.latency_cycles / 2;
}

TEST_CASE("schedules with a planned order: nothing better ever costs a cycle, on 300 machines") {
  int faster = 0;
  for (int turn = 0; turn < 300; ++turn) {
    Draw draw(turn);
    const int batch = draw(1, 8), micro = draw(1, 2);
    const MicroBatchPlan micro_batches(draw(8, 40), 1, batch, std::min(micro, batch));
    const MachinePlan plan = random_machine(draw, micro_batches.micro_batch_size());
    const ScheduleSpec spec = schedule_spec(kPlanned[turn % 2], Pacing::elastic);
    const auto cycles = [&](const MachinePlan& machine) {
      RecordingSink sink;
      const RunStatistics s = run(machine, spec, micro_batches, sink);
      require_completion(s, micro_batches);
      return s.cycles;
    };
    const Cycles before = cycles(plan);
    CAPTURE(turn, static_cast<int>(plan.interconnect.kind));
    MachinePlan ideal = plan;
    ideal.interconnect = {};
    CHECK(cycles(ideal) <= before);
    MachinePlan quick = plan, wide = plan;
    hurry(draw, quick);
    widen_links(wide);
    const MachinePlan clocked = at_twice_the_clock(draw, plan);
    CHECK(cycles(wide) <= before);
    CHECK(cycles(clocked) <= 2 * before);
    // Single operations alone: where they meet at a link, another message may now be first.
    const Cycles most = shares_links(plan) ? before + before / 50 : before;
    CHECK(cycles(quick) <= most);
    faster += cycles(quick) < before;
  }
  CHECK(faster > 200);
}

}  // namespace
}  // namespace stagecoach
