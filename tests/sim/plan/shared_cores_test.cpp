// SPDX-License-Identifier: Apache-2.0
// Question: do cores that serve stages which are no neighbours cost, hold and send what they
// should?
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/listed_mapping.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

/// LeNet-5 in five stages on a mesh of two rows and three columns.
struct SharedCores {
  HardwareSpec hw;
  Network net = lenet5();
  Partition stages = make_partition(net, {});
  ScheduleSpec schedule;

  SharedCores() {
    hw.cores.resize(1);
    hw.cores[0].kind = CoreKind::resident;
    hw.cores[0].resident.lanes_per_tile = 16;
    hw.cores[0].count = 6;
    hw.interconnect.kind = InterconnectKind::mesh2d;
    hw.interconnect.rows = 2, hw.interconnect.columns = 3;
    hw.interconnect.link_bytes_per_cycle = 4;
  }
  void list(const std::vector<int>& first_cores) {
    hw.mapping.kind = MappingKind::explicit_list;
    hw.mapping.stages.clear();
    for (std::size_t k = 0; k < first_cores.size(); ++k)
      hw.mapping.stages.push_back({stages[k].name, "core", 1, first_cores[k]});
  }
  PlannedMachine plan(FitCheck check = FitCheck::enforce) const {
    const MicroBatchPlan micro_batches(64, 1, 8, 1);
    const auto rules = make_schedule(schedule, static_cast<int>(stages.size()), micro_batches);
    return build_machine_plan(hw, net, stages, micro_batches, *rules, {}, check);
  }
};

std::vector<int> cores_of_stages(const MachinePlan& plan) {
  std::vector<int> cores;
  for (const StagePlan& s : plan.stages) {
    CHECK(s.backward_core == s.forward_core);
    cores.push_back(s.forward_core);
  }
  return cores;
}

TEST_CASE("a list with places puts stages on the cores that it names") {
  SharedCores s;
  s.list({0, 4, 2, 4, 0});
  const MachinePlan plan = s.plan().plan;
  REQUIRE(plan.cores.size() == 3);
  CHECK(cores_of_stages(plan) == std::vector<int>{0, 2, 1, 2, 0});
  CHECK(plan.cores[0].name == "core0");
  CHECK(plan.cores[1].name == "core2");
  CHECK(plan.cores[2].name == "core4");
  // Core 4 is the middle of the second row, which runs backwards.
  CHECK((plan.cores[2].row == 1 && plan.cores[2].column == 1));
}

TEST_CASE("groups stand one after the other, and reach to the last core that is named") {
  SharedCores s;
  s.hw.cores.push_back(s.hw.cores[0]);
  s.hw.cores[1].name = "other";
  s.list({0, 1, 0, 1, 3});
  s.hw.mapping.stages[2].core = s.hw.mapping.stages[3].core = "other";
  PlanScope scope;
  scope.hardware = &s.hw, scope.partition = &s.stages;
  const auto places = [&] {
    const Mapping m = listed_mapping(scope);
    std::vector<std::int64_t> first;
    for (const StageMapping& stage : m.stages)
      first.push_back(m.units[static_cast<std::size_t>(stage.forward_unit)].first_core);
    return first;
  };
  CHECK(places() == std::vector<std::int64_t>{0, 1, 6, 7, 3});
  s.hw.cores[0].count = 0;  // as needed
  CHECK(places() == std::vector<std::int64_t>{0, 1, 4, 5, 3});
}

TEST_CASE("a core's load is the sum of its stages, and what stays on a core crosses no link") {
  SharedCores s;
  s.list({0, 1, 1, 0, 0});
  const PlannedMachine machine = s.plan();
  double load = 0;
  for (const int k : {0, 3, 4}) {
    const StageCost& cost = machine.plan.stages[static_cast<std::size_t>(k)].cost.back();
    load += static_cast<double>(cost.forward.cycles + cost.backward.cycles) +
            static_cast<double>(cost.update.cycles) / 8;
  }
  int links = 0;
  bool found = false;
  for (const RateLimit& limit : machine.report.balance.limits) {
    if (limit.kind == LimitKind::link) ++links;
    if (limit.kind != LimitKind::core || limit.core != 0) continue;
    found = true;
    CHECK(limit.name == "core0 (stages conv1, fc2, fc3)");
    CHECK(limit.cycles_per_micro_batch == Approx(load));
  }
  CHECK(found);
  // From each core to the other one: conv1 to conv2 and fc1 to fc2, and gradients back.
  CHECK(links == 2);
}

TEST_CASE("stages on one core share its buffer; what does not fit is told by name") {
  SharedCores s;
  s.list({0, 1, 0, 1, 0});
  s.hw.cores[0].buffer.emplace();
  s.hw.cores[0].buffer->capacity_kib = 4096;
  const PlannedMachine fits = s.plan();
  CHECK(fits.report.problems.empty());
  for (const StagePlan& stage : fits.plan.stages) CHECK(stage.capacity_bytes == 4096 * 1024);
  s.hw.cores[0].buffer->capacity_kib = 200;
  const PlannedMachine machine = s.plan(FitCheck::report);
  REQUIRE_FALSE(machine.report.problems.empty());
  // conv1, fc1 and fc3 have 49126 weights: 4 bytes each, and their gradients.
  CHECK_THAT(machine.report.problems[0],
             Catch::Contains("stage \"conv1\", \"fc1\", \"fc3\": weights") &&
                 Catch::Contains("by " + std::to_string(2 * 4 * 49126 - 200 * 1024) + " bytes"));
}

TEST_CASE("a schedule over chunks says which stages share a core") {
  SharedCores s;
  s.stages = make_partition(s.net, {PartitionKind::cuts, {"conv1", "conv2", "fc1"}, {}});
  REQUIRE(s.stages.size() == 4);
  s.schedule.kind = ScheduleKind::interleaved_one_f_one_b;
  CHECK(cores_of_stages(s.plan().plan) == std::vector<int>{0, 1, 0, 1});
  s.schedule.kind = ScheduleKind::zero_bubble_v;
  CHECK(cores_of_stages(s.plan().plan) == std::vector<int>{0, 1, 1, 0});
  SECTION("with two cores of different kinds, each core's own price") {
    s.hw.cores.push_back(s.hw.cores[0]);
    s.hw.cores[0].count = s.hw.cores[1].count = 1;
    s.hw.cores[1].name = "slow";
    s.hw.cores[1].resident.lanes_per_tile = 1;
    const MachinePlan plan = s.plan().plan;
    CHECK(plan.cores[1].group == 1);
    CHECK(plan.cores[0].group == 0);
  }
  SECTION("in rectangles") {
    s.hw.mapping.kind = MappingKind::rectangle;
    s.hw.mapping.rows = 1, s.hw.mapping.columns = 3;
    const MachinePlan plan = s.plan().plan;
    REQUIRE(plan.cores.size() == 2);
    CHECK(plan.cores[1].name == "core3-5");
    CHECK(cores_of_stages(plan) == std::vector<int>{0, 1, 1, 0});
  }
  SECTION("by a list, which must agree") {
    s.list({3, 5, 5, 3});
    CHECK(cores_of_stages(s.plan().plan) == std::vector<int>{0, 1, 1, 0});
    s.list({3, 5, 3, 5});
    CHECK_THROWS_WITH(s.plan(), Catch::Contains("/mapping/stages") &&
                                    Catch::Contains("\"conv1\" and \"fc1\" share cores") &&
                                    Catch::Contains("same first_core for \"conv1\", \"fc2\""));
    for (MappingEntry& entry : s.hw.mapping.stages) entry.first_core.reset();
    CHECK_THROWS_WITH(s.plan(), Catch::Contains("have cores of their own"));
  }
  SECTION("and other mappings are refused") {
    s.hw.cores[0].count = 1;
    CHECK_THROWS_WITH(s.plan(), Catch::Contains("deals the stages out to 2 cores, needs 2 cores "
                                                "and there are 1"));
    s.hw.mapping.kind = MappingKind::balanced;
    CHECK_THROWS_WITH(s.plan(), Catch::Contains("hardware /mapping: found \"balanced\""));
    s.hw.mapping.split_forward_backward = true;
    CHECK_THROWS_WITH(s.plan(), Catch::Contains("/mapping/split_forward_backward"));
  }
}

}  // namespace
}  // namespace stagecoach
