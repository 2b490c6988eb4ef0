// SPDX-License-Identifier: Apache-2.0
// Question: does the report find what limits a machine, and what would help?
#include "sim/plan/what_if.h"

#include <catch2/catch.hpp>

#include "paths.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

double closed_form(const PlannedRun& run) {
  return run.machine.report.balance.cycles_per_micro_batch();
}

std::vector<WhatIf> asked(const HardwareSpec& hw) {
  const Work work = usual_work()[1];
  const MicroBatchPlan micro_batches = work.micro_batches();
  RunToPlan run;
  run.network = &work.net, run.micro_batches = &micro_batches;
  run.train = with_momentum(), run.schedule = work.schedule(), run.stages = work.stages();
  return what_if(hw, run, closed_form);
}

const WhatIf& about(const std::vector<WhatIf>& answers, const std::string& field) {
  for (const WhatIf& w : answers) {
    if (w.field == field) return w;
  }
  throw std::logic_error(field + " was not asked");
}

/// LeNet-5 on 4 resident lanes a core: conv2 has 600 weights a lane, 100 pixels.
HardwareSpec lanes() {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::resident;
  hw.cores[0].resident.lanes_per_tile = 4;
  hw.cores[0].vector_unit.lanes = 1e6;
  return hw;
}

TEST_CASE("twice as much of what limits a machine is the first answer") {
  HardwareSpec hw = lanes();
  const double now = planned(hw, usual_work()[1]).report.balance.cycles_per_micro_batch();
  std::vector<WhatIf> answers = asked(hw);
  CHECK(answers[0].field == "cores[0].lanes_per_tile");
  CHECK(answers[0].step == "4 -> 8");
  CHECK(answers[0].cycles_per_micro_batch == Approx(now / 2).epsilon(0.01));
  CHECK(about(answers, "cores[0].vector_unit.lanes").cycles_per_micro_batch <= now);
  // Starved by its link: the lanes do not matter any more.
  hw.interconnect.kind = InterconnectKind::point_to_point;
  hw.interconnect.link_bytes_per_cycle = 0.001;
  const double starved = planned(hw, usual_work()[1]).report.balance.cycles_per_micro_batch();
  CHECK(starved == 1176 * 4 * 1000);  // conv1 to conv2, fp32
  answers = asked(hw);
  CHECK(answers[0].field == "interconnect.link_bytes_per_cycle");
  CHECK(answers[0].cycles_per_micro_batch == starved / 2);
  CHECK(about(answers, "cores[0].lanes_per_tile").cycles_per_micro_batch == starved);
}

TEST_CASE("a file without limits leaves nothing to ask") {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::roofline;
  hw.cores[0].vector_unit.overlaps_macs = hw.cores[0].fused_update = true;
  CHECK(asked(hw).empty());
}

TEST_CASE(
    "a larger systolic array that batch one does not fill is slower, and the report says so") {
  const HardwareSpec hw = load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/tpu_like.json");
  const double now = planned(hw, usual_work()[1]).report.balance.cycles_per_micro_batch();
  const WhatIf rows = about(asked(hw), "cores[0].rows");
  CHECK(rows.cycles_per_micro_batch > now);
  CHECK_THAT(rows.caution, Catch::Contains("do not fill the larger array"));
}

TEST_CASE("limits count what crosses between cores, and nothing that stays on one") {
  HardwareSpec hw = lanes();
  hw.cores[0].count = 1;
  hw.interconnect.kind = InterconnectKind::bus;
  hw.interconnect.link_bytes_per_cycle = 1e-6;
  for (const RateLimit& l : planned(hw, usual_work()[1]).report.balance.limits) {
    CHECK(l.kind != LimitKind::link);
  }
  hw.cores[0].count = 0;
  // Down and up: 1176, 400, 120 and 84 values of 4 bytes.
  const RateLimit bus = planned(hw, usual_work()[1]).report.balance.limits[0];
  CHECK(bus.name == "bus");
  CHECK(bus.cycles_per_micro_batch == Approx(2.0 * (1176 + 400 + 120 + 84) * 4 * 1e6));
  // A crossbar's port into conv2's core: 1176 from the front and 400 from behind.
  hw.interconnect.kind = InterconnectKind::crossbar;
  const RateLimit port = planned(hw, usual_work()[1]).report.balance.limits[0];
  CHECK(port.name == "port out of core1");
  CHECK(port.cycles_per_micro_batch == Approx((1176.0 + 400) * 4 * 1e6));
}

TEST_CASE("a small buffer limits the rate to its micro-batches over the round trip") {
  HardwareSpec hw = lanes();
  hw.memory_policy = MemoryPolicy::stall;
  BufferSpec buffer;
  buffer.capacity_kib = 12;  // two samples in front of conv1 and of conv2
  hw.cores[0].activation_buffer = buffer;
  const PlannedMachine m = planned(hw, usual_work()[1]);
  REQUIRE(m.plan.stages[0].capacity_micro_batches < 9);
  double trip = static_cast<double>(m.plan.stages[0].cost[0].update.cycles);
  for (const StagePlan& s : m.plan.stages) {
    trip += static_cast<double>(s.cost[0].forward.cycles + s.cost[0].backward.cycles);
  }
  bool found = false;
  for (const RateLimit& l : m.report.balance.limits) {
    if (l.name.find("round trip of stage conv1") == std::string::npos) continue;
    found = true;
    CHECK_THAT(l.name, Catch::Contains("in its buffer"));
    CHECK(l.cycles_per_micro_batch ==
          Approx(trip / static_cast<double>(m.plan.stages[0].capacity_micro_batches)));
  }
  CHECK(found);
}

}  // namespace
}  // namespace stagecoach
