// SPDX-License-Identifier: Apache-2.0
// Question: does the machine that the clock runs say what pencil and paper say of the network?
#include "sim/plan/build_machine_plan.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "models/base/error.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

/// LeNet-5 on a stage per core, batch one, pipelined; change what the test is about.
struct PlanSetting {
  HardwareSpec hw;
  Network net = lenet5();
  Partition stages;
  TrainSpec train;
  ScheduleSpec schedule;
  int batch = 1, micro = 1;

  PlanSetting() {
    hw.cores.resize(1);
    hw.cores[0].kind = CoreKind::resident;
    hw.cores[0].resident.lanes_per_tile = 16;
  }
  PlannedMachine plan(FitCheck check = FitCheck::enforce) {
    if (stages.empty()) stages = make_partition(net, {});
    const MicroBatchPlan micro_batches(64, 1, batch, micro);
    const auto rules = make_schedule(schedule, static_cast<int>(stages.size()), micro_batches);
    return build_machine_plan(hw, net, stages, micro_batches, *rules, train, check);
  }
};

TEST_CASE("fixed cores take their constants whatever the layers and the micro-batch are") {
  PlanSetting s;
  s.hw.cores[0].kind = CoreKind::fixed;
  s.hw.cores[0].fixed = {3, 4, 5};
  s.batch = s.micro = 2;
  const MachinePlan plan = s.plan().plan;
  REQUIRE(plan.stages.size() == 5);
  REQUIRE(plan.cores.size() == 5);
  for (const StagePlan& stage : plan.stages) {
    REQUIRE(stage.cost.size() == 2);
    for (const StageCost& c : stage.cost) {
      CHECK(c.forward.cycles == 3);
      CHECK(c.backward.cycles == 4);
      CHECK(c.update.cycles == 5);
      CHECK(c.forward.compute_cycles == 3);
    }
    CHECK(stage.capacity_micro_batches == kUnlimited<std::int64_t>);
  }
  CHECK(plan.stages[1].cost[1].forward.macs == 2 * 240000);
}

TEST_CASE("a split backward has the price of the two gradients, and needs room for them") {
  PlanSetting s;
  s.batch = 4, s.micro = 2;
  s.schedule.kind = ScheduleKind::one_f_one_b_flush;
  const MachinePlan whole = s.plan().plan;
  s.schedule.kind = ScheduleKind::zero_bubble;
  const MachinePlan split = s.plan().plan;
  CHECK(split.splits_backward);
  CHECK_FALSE(whole.splits_backward);
  for (std::size_t k = 0; k < split.stages.size(); ++k) {
    const StagePlan &a = whole.stages[k], &b = split.stages[k];
    CAPTURE(k);
    CHECK(a.cost[1].weight_gradient.cycles == 0);
    CHECK(b.cost[1].weight_gradient.cycles > 0);
    CHECK(b.cost[1].backward_cycles() == a.cost[1].backward.cycles);
    CHECK(b.cost[1].backward.macs + b.cost[1].weight_gradient.macs == a.cost[1].backward.macs);
    CHECK(b.events.backward_per_sample.macs == a.events.backward_per_sample.macs);
    CHECK(b.gradient_bytes_per_sample > a.gradient_bytes_per_sample);
  }
  // Nobody asks the first layer for its input's gradient.
  CHECK(split.stages[0].cost[1].backward.macs == 0);
}

TEST_CASE("a fixed core makes half of its backward apart, or as much as the file says") {
  PlanSetting s;
  s.hw.cores[0].kind = CoreKind::fixed;
  s.hw.cores[0].fixed = {3, 9, 5};
  s.schedule.kind = ScheduleKind::zero_bubble;
  CHECK(s.plan().plan.stages[0].cost[0].weight_gradient.cycles == 4);
  CHECK(s.plan().plan.stages[0].cost[0].backward.cycles == 5);
  s.hw.cores[0].fixed.weight_gradient_part = 7;
  CHECK(s.plan().plan.stages[0].cost[0].weight_gradient.cycles == 7);
  CHECK(s.plan().plan.stages[0].cost[0].backward.cycles == 2);
}

TEST_CASE(
    "a buffer under zero_bubble holds fewer micro-batches, for their gradients stay with them") {
  PlanSetting s;
  s.batch = 16;
  s.hw.memory_policy = MemoryPolicy::stall;
  s.hw.cores[0].activation_buffer.emplace().capacity_kib = 64;
  const auto micro_batches_of_first = [&s](ScheduleKind kind) {
    s.schedule.kind = kind;
    return s.plan().plan.stages[0].capacity_micro_batches;
  };
  // conv1, pool and ReLU of 6 x 28 x 28: input, positions of maxima, bits; gradients of the
  // convolution's output (4704 values) and of what goes on (1176).
  const std::int64_t plain = micro_batches_of_first(ScheduleKind::one_f_one_b_flush);
  const MachinePlan split = [&s] {
    s.schedule.kind = ScheduleKind::zero_bubble;
    return s.plan().plan;
  }();
  const StagePlan& first = split.stages[0];
  CHECK(first.gradient_bytes_per_sample == (4704 + 1176) * 4);
  CHECK(first.capacity_micro_batches ==
        64 * 1024 / (first.activation_bytes_per_sample + first.gradient_bytes_per_sample));
  CHECK(plain > first.capacity_micro_batches);
}

TEST_CASE("a resident stage takes the trips of its three products and of its update") {
  PlanSetting s;
  s.train.optimizer.momentum = 0.9;
  const MachinePlan plan = s.plan().plan;
  // conv1: 150 weights on 16 lanes, 784 pixels; the network's input wants no gradient.
  const StageCost& first = plan.stages[0].cost[0];
  CHECK(first.forward.cycles == 10 * 784);
  CHECK(first.backward.cycles == 10 * 784);
  CHECK(first.update.cycles == 10 * 2);  // two terms per weight with momentum
  CHECK(first.forward.macs == 117600);
  CHECK(first.backward.macs == 117600);
  const StageCost& second = plan.stages[1].cost[0];
  CHECK(second.forward.cycles == 15000);
  CHECK(second.backward.cycles == 30000);
  CHECK(second.update.cycles == 150 * 2);
  CHECK(plan.layers[0].input_gradient.cycles == 0);
  CHECK(plan.layers[3].input_gradient.cycles == 15000);
  CHECK(plan.layers[3].weight_gradient.macs == 240000);
}

TEST_CASE("vector work adds to the products, or hides behind them where the unit overlaps") {
  PlanSetting s;
  s.hw.cores[0].vector_unit.lanes = 4;
  s.hw.cores[0].vector_unit.latency_cycles = 3;
  // conv1's stage: ReLU 4704 elements, max pool 1176 windows of 4.
  const Cycles vector = (4704 / 4 + 3) + (1176 * 4 / 4 + 3);
  CHECK(s.plan().plan.stages[0].cost[0].forward.cycles == 7840 + vector);
  s.hw.cores[0].vector_unit.overlaps_macs = true;
  CHECK(s.plan().plan.stages[0].cost[0].forward.cycles == 7840);
}

TEST_CASE("ports that cannot feed the lanes stretch an operation beyond its compute") {
  PlanSetting s;
  BufferSpec buffer;
  buffer.width_bytes = 32;  // 16 lanes ask for 64 bytes of weights a cycle
  s.hw.cores[0].weight_buffer = buffer;
  const StageCost c = s.plan().plan.stages[1].cost[0];
  CHECK(c.forward.compute_cycles == 15000);
  CHECK(c.forward.cycles == 2400 * 100 * 4 / 32);  // each weight once per pixel
  // Weight gradients are read and written per pixel: two ports work at once.
  CHECK(c.backward.compute_cycles == 30000);
  CHECK(c.backward.cycles == 30000 + 30000);
  // Plain SGD: weight and gradient read, weight written, 2416 parameters; the reads decide.
  CHECK(c.update.cycles == 2416 * 8 / 32);
}

TEST_CASE("the same port for everything adds what competes for it") {
  PlanSetting s;
  BufferSpec buffer;
  buffer.width_bytes = 32;
  buffer.read_ports = buffer.write_ports = 0, buffer.shared_ports = 1;
  s.hw.cores[0].weight_buffer = buffer;
  const StageCost c = s.plan().plan.stages[1].cost[0];
  CHECK(c.update.cycles == 2416 * 12 / 32);
  // 2400 x 100 writes and 2400 x 99 reads of 4 bytes for the weight gradient.
  CHECK(c.backward.cycles == 30000 + (240000 + 237600) * 4 / 32);
}

TEST_CASE("a skip connection is a message of its own, forth and back") {
  PlanSetting s;
  s.net = resnet20_cifar();
  const MachinePlan plan = s.plan().plan;
  const StagePlan& stem = plan.stages[0];
  REQUIRE(stem.forward_messages.size() == 2);
  CHECK(stem.forward_messages[0].to_stage == 1);
  CHECK(stem.forward_messages[1].to_stage == 2);  // the shortcut of the first block
  CHECK(stem.forward_messages[1].bytes_per_sample == 16 * 32 * 32 * 4);
  CHECK(stem.input_bytes_per_sample == 3 * 32 * 32 * 4);
  REQUIRE(plan.stages[2].backward_messages.size() == 2);
  CHECK(plan.stages[2].backward_messages[0].to_stage == 1);
  CHECK(plan.stages[2].backward_messages[1].to_stage == 0);
}

TEST_CASE("memory classes follow the optimizer, the mitigation and the element sizes") {
  PlanSetting s;
  const auto stage = [&] { return s.plan().plan.stages[2]; };  // fc1: 48120 parameters
  CHECK(stage().weights_bytes == 48120 * 4);
  CHECK(stage().optimizer_bytes == 0);
  CHECK(stage().predicted_bytes == 0);
  CHECK(stage().weight_gradient_bytes == 48120 * 4);
  s.train.optimizer.momentum = 0.9;
  s.train.mitigation.weight_prediction = WeightPrediction::weight_difference;
  s.hw.elements.weights_bytes = 2;
  s.hw.cores[0].fused_update = true;
  CHECK(stage().weights_bytes == 48120 * 2);
  CHECK(stage().optimizer_bytes == 2 * 48120 * 4);  // velocity, and the weights before
  CHECK(stage().predicted_bytes == 48120 * 2);
  CHECK(stage().version_bytes == 48120 * 2);
  CHECK(stage().weight_gradient_bytes == 0);
}

TEST_CASE("what does not fit is refused with the bytes missing") {
  PlanSetting s;
  BufferSpec small;
  small.capacity_kib = 100;
  s.hw.cores[0].weight_buffer = small;
  // fc1: weights and gradients, 2 x 48120 x 4 = 384960 bytes; 102400 are there.
  CHECK_THROWS_WITH(s.plan(), Catch::Contains("\"fc1\"") && Catch::Contains("282560 bytes"));
  const PlannedMachine asked = s.plan(FitCheck::report);
  CHECK(asked.report.problems.size() == 1);
  CHECK_FALSE(asked.report.stages[2].fits);
  CHECK(asked.report.stages[1].fits);
  s.hw.memory_policy = MemoryPolicy::stall;  // stalling makes no room for weights
  CHECK_THROWS_AS(s.plan(), UserError);
}

TEST_CASE("a small activation buffer is refused, or holds fewer micro-batches, or spills") {
  PlanSetting s;
  BufferSpec small;
  small.capacity_kib = 20;
  s.hw.cores[0].activation_buffer = small;
  // Stage 0 holds 9 micro-batches of 4018 bytes and a gradient of 4704: 40866 of 20480 bytes.
  CHECK_THROWS_WITH(s.plan(), Catch::Contains("by 20386 bytes"));
  s.hw.memory_policy = MemoryPolicy::stall;
  const PlannedMachine stalled = s.plan();
  CHECK(stalled.plan.stages[0].capacity_micro_batches == (20480 - 4704) / 4018);
  CHECK(stalled.report.notes.size() == 2);  // conv1 and conv2
  s.hw.memory_policy = MemoryPolicy::spill;
  CHECK_THROWS_WITH(s.plan(), Catch::Contains("no \"dram\""));
  s.hw.dram = DramSpec{};
  s.hw.dram->arbitration = Arbitration::equal_shares;
  s.hw.dram->bandwidth_gb_per_s = 0.001;  // a byte a microsecond: DRAM decides
  const PlannedMachine spilled = s.plan();
  CHECK(spilled.plan.stages[0].capacity_micro_batches == kUnlimited<std::int64_t>);
  // Half of every micro-batch (20386 / 40866) goes out and comes back; two stages share the
  // channel.
  const double out = 4018 * 20386.0 / 40866;
  const Bytes whole = rounded_up<Bytes>(out);
  CHECK(spilled.plan.stages[0].dram.total(3, 3, 3) == 3 * 2 * whole);
  CHECK(spilled.plan.stages[0].cost[0].forward.cycles == whole.count() * 1000 * 2);
  CHECK(spilled.plan.stages[0].cost[0].forward.compute_cycles == 7840);
}

TEST_CASE("in one memory activations take what weights leave") {
  PlanSetting s;
  BufferSpec one;
  one.capacity_kib = 400;  // fc1 needs 384960 bytes for weights, 5 x 1615 + 480 for activations
  s.hw.cores[0].buffer = one;
  s.hw.memory_policy = MemoryPolicy::stall;
  const PlannedMachine machine = s.plan();
  CHECK(machine.plan.stages[2].capacity_bytes == 400 * 1024);
  CHECK(machine.plan.stages[2].capacity_micro_batches == (400 * 1024 - 384960 - 480) / 1615);
}

TEST_CASE("stashed versions count with the weights, as many as the schedule keeps") {
  PlanSetting s;
  s.schedule.weight_stashing = true;
  BufferSpec buffer;
  buffer.capacity_kib = 2 * 188 + 4 * 188;  // fc1 is 187.97 KiB: itself, gradients, 4 old versions
  s.hw.cores[0].weight_buffer = buffer;
  CHECK_NOTHROW(s.plan());
  s.hw.cores[0].weight_buffer->capacity_kib -= 1;
  CHECK_THROWS_AS(s.plan(), UserError);
}

TEST_CASE("neighbouring stages stand next to each other on the mesh") {
  PlanSetting s;
  s.hw.interconnect.kind = InterconnectKind::mesh2d;
  s.hw.interconnect.rows = 2, s.hw.interconnect.columns = 3;
  const MachinePlan plan = s.plan().plan;
  for (std::size_t k = 1; k < plan.cores.size(); ++k) {
    const CorePlan &a = plan.cores[k - 1], &b = plan.cores[k];
    CHECK(std::abs(a.row - b.row) + std::abs(a.column - b.column) == 1);
  }
  s.hw.interconnect.rows = 1;
  CHECK_THROWS_WITH(s.plan(), Catch::Contains("no room for 5 cores"));
}

TEST_CASE("regions are joined by as many links as their shorter edge has") {
  PlanSetting s;
  s.hw.cores[0].count = 100;
  s.hw.mapping.kind = MappingKind::explicit_list;
  s.hw.mapping.stages = {{"conv1", "core", 16},
                         {"conv2", "core", 64},
                         {"fc1", "core", 9},
                         {"fc2", "core", 1},
                         {"fc3", "core", 1}};
  s.hw.interconnect.kind = InterconnectKind::mesh2d;
  s.hw.interconnect.node = Granularity::region;
  s.hw.interconnect.link_bytes_per_cycle = 2;
  s.hw.interconnect.hop_latency_cycles = 1;
  const PlannedMachine machine = s.plan();
  const MachinePlan& plan = machine.plan;
  CHECK(plan.interconnect.link_bytes_per_cycle == 2);
  CHECK(plan.interconnect.hop_latency_cycles == 1);
  CHECK((plan.interconnect.rows == 2 && plan.interconnect.columns == 3));
  const double edges[] = {4, 8, 3, 1, 1};
  for (std::size_t k = 0; k < 5; ++k) CHECK(plan.cores[k].edge == edges[k]);
  CHECK(links_between(plan.cores[0], plan.cores[1]) == 4);
  CHECK(links_between(plan.cores[2], plan.cores[1]) == 3);
  CHECK(links_between(plan.cores[2], plan.cores[3]) == 1);
  // conv1 -> conv2: 1176 values of 4 bytes over 4 links of 2 bytes a cycle.
  for (const RateLimit& limit : machine.report.balance.limits) {
    if (limit.name == "link conv1 -> conv2") CHECK(limit.cycles_per_micro_batch == Approx(588));
  }
  s.hw.interconnect.node = Granularity::core;
  for (const CorePlan& core : s.plan().plan.cores) CHECK(core.edge == 1);
}

TEST_CASE("stages that share a core have DRAM to themselves") {
  PlanSetting s;
  s.hw.cores[0].count = 1;
  BufferSpec small;
  small.capacity_kib = 100;
  s.hw.cores[0].weight_buffer = small;
  s.hw.memory_policy = MemoryPolicy::spill;
  s.hw.dram = DramSpec{};
  s.hw.dram->bandwidth_gb_per_s = 0.001;
  const PlannedMachine machine = s.plan();
  // 61706 weights and gradients of 4 bytes; 102400 bytes fit; the rest of fc3 comes over DRAM.
  const double spilled = (2 * 61706 * 4 - 102400) / (2.0 * 61706 * 4);
  CHECK(machine.plan.stages[4].cost[0].forward.cycles ==
        rounded_up<Bytes>(850 * 4 * spilled).count() * 1000);
  REQUIRE(machine.report.notes.size() == 1);
  CHECK_THAT(machine.report.notes[0], Catch::Contains("\"conv1\" to \"fc3\" (5 stages)"));
}

TEST_CASE("the balance report names what limits the rate and what a core more brings") {
  PlanSetting s;
  s.hw.interconnect.kind = InterconnectKind::point_to_point;
  s.hw.interconnect.link_bytes_per_cycle = 0.1;
  BalanceReport b = s.plan().report.balance;
  // conv1 -> conv2 moves 1176 x 4 bytes at a byte in ten cycles.
  CHECK(b.limits[0].name == "link conv1 -> conv2");
  CHECK(b.limits[0].cycles_per_micro_batch == Approx(47040));
  CHECK(b.limits[2].name == "core1 (stage conv2)");
  CHECK(b.limits[2].cycles_per_micro_batch == 15000 + 30000 + 150);
  CHECK_FALSE(b.with_one_more_core);  // no core sets the rate
  s.hw.interconnect.link_bytes_per_cycle = 0.15;
  b = s.plan().report.balance;
  CHECK(b.limits[0].name == "core1 (stage conv2)");
  // Over such links a second core would wait for its share of the input: only its update gains.
  CHECK(b.with_one_more_core == std::optional<double>(45150 - 75));
  s.hw.interconnect.link_bytes_per_cycle = 8;
  b = s.plan().report.balance;
  // A second core for conv2: 32 lanes own 75 each.
  REQUIRE(b.with_one_more_core);
  CHECK(*b.with_one_more_core == 22575);
  // The host, 784 x 4 bytes at a byte in ten cycles, stays as it is.
  s.hw.host.bandwidth_gb_per_s = 0.1 * s.hw.clock_mhz / 1000;
  CHECK(s.plan().report.balance.with_one_more_core == std::optional<double>(31360));
  s.hw.host = {};
  s.hw.cores[0].kind = CoreKind::fixed;
  CHECK_FALSE(s.plan().report.balance.with_one_more_core);
  CHECK(s.plan().report.balance.mean_load == Approx(1));
}

TEST_CASE(
    "a mini-batch of several micro-batches keeps and adds up weight gradients even when fused") {
  PlanSetting s;
  s.hw.cores[0].fused_update = true;
  CHECK(s.plan().plan.stages[2].weight_gradient_bytes == 0);
  s.batch = 4;
  CHECK(s.plan().plan.stages[2].weight_gradient_bytes == 48120 * 4);
}

TEST_CASE(
    "events of micro-batches of any size lie on the line through one sample and a full "
    "micro-batch") {
  PlanSetting s;
  s.batch = s.micro = 8;
  const StageEvents e = s.plan().plan.stages[1].events;
  CHECK(e.forward_per_sample.macs == 240000);
  CHECK(e.forward_per_micro_batch.macs == 0);
  // Resident weights meet every pixel: reads grow with the samples, nothing is per micro-batch.
  CHECK(e.forward_per_sample.weight_read_bytes == 2400 * 100 * 4);
  s.hw.cores[0].kind = CoreKind::roofline;
  const StageEvents r = s.plan().plan.stages[1].events;
  CHECK(r.forward_per_micro_batch.weight_read_bytes == Approx(2400 * 4));
  CHECK(r.forward_per_sample.weight_read_bytes == Approx(0).margin(1e-6));
}

}  // namespace
}  // namespace stagecoach
