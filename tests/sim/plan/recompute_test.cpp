// SPDX-License-Identifier: Apache-2.0
// Question: does a stage that recomputes hold its inputs alone, and pay its forward a second time?
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/plan/balanced_partition.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/dram_traffic.h"
#include "sim/plan/held_values.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

RecomputeSpec all_stages() { return {RecomputeKind::all, {}}; }

Partition recomputing(const Network& net, PartitionSpec spec = {}) {
  spec.recompute = all_stages();
  return make_partition(net, spec);
}

TEST_CASE("a stage that recomputes holds its inputs, and makes the rest again") {
  const Network net = lenet5();
  const Partition plain = make_partition(net, {}), stages = recomputing(net);
  const ElementSpec fp32;
  // conv1: the image; signs of 6x28x28 and places of 6x14x14 maxima are made again.
  CHECK(held_bytes_per_sample(net, stages[0], fp32) == 784 * 4);
  CHECK(recomputed_bytes_per_sample(net, stages[0], fp32) == (4704 + 2 * 1176 + 7) / 8);
  // fc3 kept its input for its weights and its output for the loss.
  CHECK(held_bytes_per_sample(net, stages[4], fp32) == 84 * 4);
  CHECK(recomputed_bytes_per_sample(net, stages[4], fp32) == 10 * 4);
  CHECK(recomputed_bytes_per_sample(net, plain[0], fp32) == 0);
  ElementSpec framework;
  framework.kept_activations = KeptActivations::every_output;
  CHECK(held_bytes_per_sample(net, stages[0], framework) == 784 * 4);
  CHECK(recomputed_bytes_per_sample(net, stages[0], framework) == (2 * 4704 + 1176) * 4);
}

TEST_CASE("statistics of samples before are no second forward's to find") {
  const Network net = NetworkSketch(Shape::image(3, 4, 4))
                          .conv("c", 8, 3, 1, 1)
                          .plain(LayerKind::online_norm)
                          .conv("d", 8, 3, 1, 1)
                          .plain(LayerKind::batch_norm2d)
                          .plain(LayerKind::flatten)
                          .linear("fc", 10)
                          .build();
  const Partition stages = recomputing(net);
  CHECK(held_bytes_per_sample(net, stages[0], {}) == (3 * 16 + 2 * 8) * 4);
  CHECK(recomputed_bytes_per_sample(net, stages[0], {}) == 8 * 16 * 4);  // the norm's output
  CHECK(held_bytes_per_sample(net, stages[1], {}) == 8 * 16 * 4);
  CHECK(recomputed_bytes_per_sample(net, stages[1], {}) == (8 * 16 + 2 * 8) * 4);
}

MachinePlan machine(const HardwareSpec& hw, const Work& work, const Partition& stages,
                    ScheduleKind kind = ScheduleKind::pipelined) {
  ScheduleSpec spec;
  spec.kind = kind;
  const MicroBatchPlan micro_batches = work.micro_batches();
  const auto rules = make_schedule(spec, static_cast<int>(stages.size()), micro_batches);
  return build_machine_plan(hw, work.net, stages, micro_batches, *rules, with_momentum(),
                            FitCheck::report)
      .plan;
}

TEST_CASE("on every chip a backward is longer by its forward, in cycles, work and events") {
  int compared = 0;
  for (const std::string& path : presets()) {
    Issues issues;
    HardwareSpec hw = spec_of(parsed(path), issues);
    // What lies in DRAM, and who gets which cores, follows from memory: tests of their own.
    hw.memory_policy = MemoryPolicy::stall;
    const bool refused = hw.cores[0].concurrent_passes.has_value();
    if (refused || hw.mapping.kind == MappingKind::balanced || hw.cores.size() > 1) continue;
    for (const Work& work : usual_work()) {
      CAPTURE(path, work.net.layers.size());
      MachinePlan plain, again;
      try {
        plain = machine(hw, work, make_partition(work.net, {}));
      } catch (const UserError&) {
        continue;  // more stages than cores
      }
      again = machine(hw, work, recomputing(work.net));
      ++compared;
      for (std::size_t k = 0; k < plain.stages.size(); ++k) {
        const StagePlan &a = plain.stages[k], &b = again.stages[k];
        for (std::size_t n = 0; n < a.cost.size(); ++n) {
          const Cycles more = b.cost[n].recompute.cycles;
          CHECK(b.cost[n].forward.cycles == a.cost[n].forward.cycles);
          CHECK(b.cost[n].backward.cycles == a.cost[n].backward.cycles + more);
          CHECK(b.cost[n].backward.macs == a.cost[n].backward.macs + a.cost[n].forward.macs);
          // The last stage's forward holds the loss, which is not measured again; copies that a
          // core makes itself are of the first forward alone.
          if (k + 1 < plain.stages.size() && hw.cores[0].operation_overhead == 0 &&
              !hw.interconnect.blocks_cores())
            CHECK(more == a.cost[n].forward.cycles);
        }
        CHECK(b.events.backward_per_sample.macs ==
              Approx(a.events.backward_per_sample.macs + a.events.forward_per_sample.macs));
        const auto weight_reads = [](const EventCounts& one, const EventCounts& each) {
          return one.weight_read_bytes + each.weight_read_bytes;
        };
        const StageEvents &before = a.events, &now = b.events;
        CHECK(weight_reads(now.backward_per_micro_batch, now.backward_per_sample) ==
              Approx(weight_reads(before.backward_per_micro_batch, before.backward_per_sample) +
                     weight_reads(before.forward_per_micro_batch, before.forward_per_sample)));
        CHECK(b.activation_bytes_per_sample <= a.activation_bytes_per_sample);
      }
    }
  }
  CHECK(compared > 10);
}

TEST_CASE("a fixed core takes the forward's constant again, and a layer's row says its own") {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::fixed;
  hw.cores[0].fixed = {3, 4, 5};
  const Work work{lenet5()};
  PartitionSpec spec;
  spec.recompute = {RecomputeKind::stages, {"conv2"}};
  const MachinePlan plan = machine(hw, work, make_partition(work.net, spec));
  CHECK(plan.stages[0].cost[0].backward.cycles == 4);
  CHECK(plan.stages[1].cost[0].backward.cycles == 7);
  CHECK(plan.stages[1].cost[0].recompute.cycles == 3);
  CHECK(plan.layers[0].recompute.macs == 0);
  CHECK(plan.layers[3].recompute.macs == 240000);
}

TEST_CASE("a buffer holds as many inputs as fit beside one set that is made again") {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::resident;
  hw.memory_policy = MemoryPolicy::stall;
  hw.cores[0].activation_buffer.emplace().capacity_kib = 64;
  const Work work{lenet5()};
  const auto first = [&](bool again, ScheduleKind kind) {
    return machine(hw, work, again ? recomputing(work.net) : make_partition(work.net, {}), kind)
        .stages[0];
  };
  const Bytes gradient = 1176 * 4, signs = (4704 + 2 * 1176 + 7) / 8, image = 784 * 4;
  CHECK(first(false, ScheduleKind::pipelined).capacity_micro_batches ==
        (64 * 1024 - gradient.count()) / (image + signs).count());
  CHECK(first(true, ScheduleKind::pipelined).capacity_micro_batches ==
        (64 * 1024 - (gradient + signs).count()) / image.count());
  // Until its weight gradient, which comes later, every micro-batch keeps what was made for it.
  const StagePlan split = first(true, ScheduleKind::zero_bubble);
  CHECK(split.capacity_micro_batches ==
        64 * 1024 / (image + signs + split.gradient_bytes_per_sample).count());
}

TEST_CASE("spilled: weights and inputs are read once more, what is made again goes out and back") {
  MemoryNeeds n;
  n.weights_bytes = 1000, n.weight_gradient_bytes = 200;
  n.held_bytes_per_sample = 30, n.recomputed_bytes_per_sample = 50;
  n.held_reads_per_sample = {40, 70};
  n.gradient_bytes_per_sample = 20;
  n.recomputes = true;
  Fit fit;
  fit.weight_spill = 0.5;
  fit.activation_spill = 1;
  DramTraffic t = dram_traffic(n, fit);
  CHECK(t.forward.per_micro_batch == 500);
  CHECK(t.forward.per_sample == 30);
  CHECK(t.backward.per_micro_batch == 500 + 500 + 100);
  CHECK(t.backward.per_sample == 30 + 50 + 50);
  n.gradients_in_flight = true;
  t = dram_traffic(n, fit);
  CHECK(t.backward.per_micro_batch == 500 + 500);
  CHECK(t.backward.per_sample == 30 + 50 + 40 + 20);
  CHECK(t.weight_gradient.per_sample == 70 + 20);
}

TEST_CASE("what the halves of a split backward read after a second forward") {
  const Network net = NetworkSketch(Shape::image(2, 4, 4))
                          .conv("c1", 3, 1)
                          .plain(LayerKind::tanh)
                          .conv("c2", 5, 1)
                          .build();
  PartitionSpec one;
  one.kind = PartitionKind::cuts;
  const StageSpec stage = recomputing(net, one)[0];
  const Bytes x = 2 * 16 * 4, y = 3 * 16 * 4, z = 5 * 16 * 4;
  CHECK(held_reads_per_sample(net, stage, {}).weight_gradient == x + y);
  CHECK(held_reads_per_sample(net, stage, {}).input_gradient == y + z);
  CHECK(recomputed_bytes_per_sample(net, stage, {}) == y + z);
  ElementSpec framework;
  framework.kept_activations = KeptActivations::every_output;
  // The second forward has read x for all of the operation.
  CHECK(held_reads_per_sample(net, stage, framework).input_gradient == 2 * y + z);
}

TEST_CASE("beside concurrent datapaths a stage cannot recompute, and is told so") {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::resident;
  hw.cores[0].concurrent_passes.emplace();
  const Work work{lenet5()};
  CHECK_THROWS_WITH(machine(hw, work, recomputing(work.net)),
                    Catch::Contains("/pipeline/recompute") && Catch::Contains("concurrent"));
  machine(hw, work, make_partition(work.net, {}));
}

TEST_CASE("balanced cuts count the forward that is made again") {
  // Forwards alone are uneven in another way than forwards and backwards: the first stage has no
  // input gradient, so a second forward shifts the cut.
  const Network net = vgg11_cifar();
  HardwareSpec hw = load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/small_mesh.json");
  hw.memory_policy = MemoryPolicy::stall;
  const MicroBatchPlan micro_batches(64, 1, 1, 1);
  const auto rules = make_schedule({}, 3, micro_batches);
  const auto greatest = [&](const std::vector<std::string>& cuts) {
    const Partition stages = make_partition(net, {PartitionKind::cuts, cuts, all_stages()});
    const PlanScope scope = plan_scope(hw, net, {}, micro_batches, *rules, &stages);
    const auto services = services_before_cutting(scope, 3);
    double most = 0;
    for (int k = 0; k < 3; ++k)
      most = std::max(
          most,
          stage_load(scope, price_stage(scope, k, services[k].forward, services[k].backward, 1),
                     services[k].split));
    return most;
  };
  const auto best = [&](RecomputeKind kind) {
    return balanced_cuts(hw, net, {}, micro_batches, *rules, 3, kind);
  };
  double least = 1e300;
  const int layers = static_cast<int>(net.layers.size());
  const auto name = [&](int l) { return net.layers[static_cast<std::size_t>(l)].spec.name; };
  for (int a = 0; a + 2 < layers; ++a)
    for (int b = a + 1; b + 1 < layers; ++b) least = std::min(least, greatest({name(a), name(b)}));
  CHECK(greatest(best(RecomputeKind::all)) == least);
}

}  // namespace
}  // namespace stagecoach
