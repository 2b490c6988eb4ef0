// SPDX-License-Identifier: Apache-2.0
// Question: with one efficiency fitted on ResNet-56, what does the roofline predict for the second
// paper's deeper networks on two GPUs that copy their tensors through the host?
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/graph/families.h"
#include "paths.h"
#include "sim/config/hardware_config.h"
#include "sim/plan/build_machine_plan.h"

namespace stagecoach {
namespace {

constexpr int kMiniBatch = 128;
constexpr double kTensor = 16 * 32 * 32 * 4.0 * kMiniBatch;  // bytes that cross at every cut

/// ResNet of the CIFAR family with batch norm.
Network resnet(int depth) {
  FamilySpec spec = default_family_spec(Family::resnet_cifar);
  spec.depth = depth;
  spec.norm = FamilyNorm::batch_norm2d;
  spec.norm_groups = 0;
  return build_network(build_family(spec));
}

/// Two stages, cut where the paper's placement vector says: before the layer with a kernel that
/// follows number `after` (projections of shortcuts do not count). 0: one stage.
Partition cut_after(const Network& net, int after) {
  PartitionSpec spec;
  spec.kind = PartitionKind::cuts;
  int kernels = 0;
  for (std::size_t l = 0; after > 0 && l < net.layers.size(); ++l) {
    const LayerNode& node = net.layers[l];
    if (!node.has_weight_matrix()) continue;
    if (node.spec.kind == LayerKind::conv2d && node.spec.kernel == 1) continue;
    if (++kernels == after + 1) spec.cuts = {net.layers[l - 1].spec.name};
  }
  return make_partition(net, spec);
}

MachinePlan plan_of(const HardwareSpec& hw, int depth, int cut) {
  const Network net = resnet(depth);
  const Partition stages = cut_after(net, cut);
  const MicroBatchPlan batches(kMiniBatch, 1, kMiniBatch, kMiniBatch);
  ScheduleSpec spec;
  spec.kind = ScheduleKind::pipelined;
  const auto schedule = make_schedule(spec, static_cast<int>(stages.size()), batches);
  TrainSpec train;
  train.optimizer.momentum = 0.9;
  train.optimizer.weight_decay = 1e-4;
  return build_machine_plan(hw, net, stages, batches, *schedule, train, FitCheck::enforce).plan;
}

/// Cycles of one mini-batch on a stage's device, its copies included.
Cycles load(const StagePlan& stage) {
  const StageCost& cost = stage.cost.back();
  return cost.forward.cycles + cost.backward.cycles + cost.update.cycles;
}

Cycles copies(const StagePlan& stage) {
  const StageCost& cost = stage.cost.back();
  return cost.forward.interconnect_cycles + cost.backward.interconnect_cycles;
}

/// Time of one mini-batch on one GPU over the time between two on two: the slower device's.
double speed_up(const HardwareSpec& hw, int depth, int cut) {
  const MachinePlan one = plan_of(hw, depth, 0), two = plan_of(hw, depth, cut);
  return static_cast<double>(load(one.stages[0])) /
         static_cast<double>(std::max(load(two.stages[0]), load(two.stages[1])));
}

HardwareSpec two_gpus() {
  return load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/two_gpus.json");
}

nlohmann::json published_rows() {
  std::ifstream file(std::string(STAGECOACH_SOURCE_DIR) + "/tests/data/two_devices.json");
  REQUIRE(file);
  return nlohmann::json::parse(file).at("rows");
}

TEST_CASE("two GPUs: the efficiency in the file is the one that ResNet-56 gives") {
  HardwareSpec hw = two_gpus();
  const nlohmann::json row = published_rows().at(0);
  REQUIRE(row.at("fitted") == true);
  const double stated = hw.cores[0].roofline.efficiency;
  // More efficient products leave more of the time to memory, of which the first stage has most.
  double low = 0.3, high = 1;
  for (int i = 0; i < 12; ++i) {
    const double middle = (low + high) / 2;
    hw.cores[0].roofline.efficiency = middle;
    (speed_up(hw, row.at("depth"), row.at("cut")) < row.at("speed_up") ? low : high) = middle;
  }
  std::cout << "two_gpus: efficiency fitted on ResNet-56, cut 19, speed-up 1.65: " << low << "\n";
  CHECK(stated == Approx(low).epsilon(0.01));
}

TEST_CASE("two GPUs: the row they are fitted on is met, and deeper networks gain more") {
  const HardwareSpec hw = two_gpus();
  double shallower = 0;
  for (const nlohmann::json& row : published_rows()) {
    const double predicted = speed_up(hw, row.at("depth"), row.at("cut"));
    std::cout << "two_gpus: ResNet-" << row.at("depth") << ", cut " << row.at("cut")
              << ": speed-up " << predicted << "\n";
    if (row.contains("speed_up")) {
      const double tolerance = row.value("fitted", false) ? 0.005 : 0.05;
      CHECK(predicted == Approx(row.at("speed_up").get<double>()).epsilon(tolerance));
    }
    CHECK(predicted > shallower);  // copies do not grow with depth
    CHECK(predicted < 2);          // two devices
    shallower = predicted;
  }
}

TEST_CASE("two GPUs: each device copies two tensors a mini-batch, whatever the depth") {
  const HardwareSpec hw = two_gpus();
  const Cycles one_copy = hw.interconnect.hop_latency_cycles +
                          rounded_up<Cycles>(kTensor / hw.interconnect.link_bytes_per_cycle);
  for (const auto& [depth, cut] : {std::pair<int, int>{56, 19}, {110, 37}}) {
    const MachinePlan plan = plan_of(hw, depth, cut);
    // Activations out and their gradient in; the same in and out.
    CHECK(copies(plan.stages[0]) == 2 * one_copy);
    CHECK(copies(plan.stages[1]) == 2 * one_copy);
  }
  CHECK(copies(plan_of(hw, 56, 0).stages[0]) == 0);
}

}  // namespace
}  // namespace stagecoach
