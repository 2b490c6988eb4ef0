// SPDX-License-Identifier: Apache-2.0
// Question: what does a message cost that goes through the host's memory, copied beside the cores
// or by the cores themselves?
#include "sim/plan/core_copies.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

constexpr Cycles kCopy = 3 + 15;  // latency, and 100 bytes over 7 a cycle

/// Stages of forward 10, backward 6, update 4, whose messages of 100 bytes go through the host.
MachinePlan host_chain(int stages, Copies copies) {
  MachinePlan plan = chain(ChainOptions{stages, 10, 6, 4, 1, false, 2, 100});
  plan.stages[0].input_bytes_per_sample = 0;
  plan.interconnect = {InterconnectKind::through_host, 7.0, 3, 1, stages, copies};
  charge_copies(plan);
  return plan;
}

RunStatistics run_through_host(const MachinePlan& plan, int samples) {
  return run(plan, schedule_spec(ScheduleKind::pipelined, Pacing::elastic),
             MicroBatchPlan(samples, 1, 1, 1));
}

const LinkStatistics& link(const RunStatistics& s, const std::string& name) {
  for (const LinkStatistics& l : s.links) {
    if (l.name == name) return l;
  }
  throw std::logic_error("no link " + name);
}

TEST_CASE("through the host: a message is stored whole, and crosses the bus twice") {
  MachinePlan plan = host_chain(2, Copies::by_engine);
  // Forward, two copies, forward and backward, two copies of the gradient, backward and update.
  const RunStatistics s = run_through_host(plan, 1);
  CHECK(s.cycles == 10 + 2 * kCopy + 16 + 2 * kCopy + 10);
  for (const char* name : {"core0->host", "host->core1", "core1->host", "host->core0"}) {
    CHECK(link(s, name).bytes == 100);
    CHECK(link(s, name).busy_cycles == 15);
  }
  // The way out and the way in work on different messages at the same time: the copies hide.
  ScheduleSpec roomy = schedule_spec(ScheduleKind::pipelined, Pacing::elastic);
  roomy.max_in_flight = {40};
  plan.input_queue_micro_batches = 8;
  const Cycles many = run(plan, roomy, MicroBatchPlan(500, 1, 1, 1)).cycles;
  CHECK(many >= 500 * 20);
  CHECK(many <= 500 * 20 + 10 * kCopy);
}

TEST_CASE("through the host: where cores copy, one sample takes as long, and computes as long") {
  const RunStatistics engine = run_through_host(host_chain(2, Copies::by_engine), 1);
  const RunStatistics core = run_through_host(host_chain(2, Copies::by_core), 1);
  CHECK(core.cycles == engine.cycles);
  for (int k = 0; k < 2; ++k) {
    CHECK(core.stages[k].cycles.busy() == engine.stages[k].cycles.busy());
    // Both tensors, at either end.
    CHECK(core.stages[k].cycles[CycleKind::stall_interconnect] == 2 * kCopy);
  }
  CHECK(link(core, "s0_copies").bytes == 200);
  CHECK(link(core, "s1_copies").busy_cycles == 30);
}

TEST_CASE("through the host: where cores copy, a sample costs the slowest stage and its copies") {
  for (int slow : {0, 1, 2}) {
    MachinePlan plan = chain(ChainOptions{3, 10, 6, 4, 1, false, 2, 100});
    set_cost(plan.stages[slow], 60, 40, 7);
    plan.interconnect = {InterconnectKind::through_host, 7.0, 3, 1, 3, Copies::by_core};
    charge_copies(plan);
    const Cycles copies = slow == 1 ? 4 * kCopy : 2 * kCopy;  // neighbours on both sides, or on one
    const RunStatistics s = run_through_host(plan, 400);
    CAPTURE(slow);
    CHECK(s.stages[slow].cycles.busy() == 400 * 107);
    CHECK(s.cycles >= 400 * (107 + copies));
    CHECK(s.cycles <= 400 * (107 + copies) + 3 * (20 + 4 * kCopy));
  }
}

TEST_CASE("through the host: stages on one core copy nothing, other interconnects are left alone") {
  MachinePlan plan = chain(ChainOptions{2, 10, 6, 4, 1, false, 2, 100});
  plan.stages[1].forward_core = plan.stages[1].backward_core = 0;
  plan.interconnect = {InterconnectKind::through_host, 7.0, 3, 1, 2, Copies::by_core};
  charge_copies(plan);
  CHECK(plan.stages[0].cost[0].forward.cycles == 10);
  plan.stages[1].forward_core = plan.stages[1].backward_core = 1;
  plan.interconnect.kind = InterconnectKind::point_to_point;
  charge_copies(plan);
  CHECK(plan.stages[0].cost[0].forward.cycles == 10);
}

}  // namespace
}  // namespace stagecoach
