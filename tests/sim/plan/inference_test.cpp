// SPDX-License-Identifier: Apache-2.0
// Inference on chips that somebody measured or sized: frames a second, milliseconds of a layer.
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>

#include "models/graph/families.h"
#include "paths.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

Json data(const std::string& file) {
  return parsed(std::string(STAGECOACH_SOURCE_DIR) + "/tests/data/" + file)["rows"];
}

HardwareSpec hardware(const std::string& name) {
  return load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/" + name + ".json");
}

Work inference(Network net) {
  Work work;
  work.net = std::move(net);
  work.forward_only = true;
  return work;
}

/// ResNet-50 of 2015, as the published rows ran it.
Network resnet50() {
  FamilySpec spec = default_family_spec(Family::resnet50);
  spec.preactivation = false;
  spec.norm = FamilyNorm::batch_norm2d;
  spec.norm_groups = 0;
  return build_network(build_family(spec));
}

TEST_CASE("NVDLA's published frames a second of ResNet-50 are met within 15 percent") {
  const Work work = inference(resnet50());
  for (const Json& row : data("nvdla.json")) {
    const HardwareSpec hw = hardware(row["hw"].get<std::string>());
    const double frames =
        hw.clock_mhz * 1e6 / planned(hw, work).report.balance.cycles_per_micro_batch();
    std::cout << row["hw"] << " " << frames << " frames/s, published " << row["frames_per_second"]
              << "\n";
    if (row["frames_per_second"].is_null()) continue;
    CHECK(frames == Approx(row["frames_per_second"].get<double>()).epsilon(0.15));
  }
}

Network convolution(const Json& row) {
  const int kernel = row["kernel"].get<int>(), size = row["size"].get<int>();
  return NetworkSketch(Shape::image(row["in"].get<int>(), size, size))
      .conv("c", row["out"].get<int>(), kernel, row["stride"].get<int>(), kernel / 2, "", false)
      .build();
}

TEST_CASE("measured convolutions on VTA are met within 15 percent") {
  const HardwareSpec hw = hardware("vta_pynq");
  for (const Json& row : data("vta.json")) {
    const PlannedMachine machine = planned(hw, inference(convolution(row)));
    const OpCost& cost = machine.plan.stages.at(0).cost.at(0).forward;
    const double ms = static_cast<double>(cost.cycles.count()) / (hw.clock_mhz * 1e3);
    std::cout << row.dump() << ": " << ms << " ms\n";
    if (row["milliseconds"].is_null()) continue;
    CHECK(ms == Approx(row["milliseconds"].get<double>()).epsilon(0.15));
  }
}

TEST_CASE("inference has no backward, no update and no state beside weights and working values") {
  const HardwareSpec hw = hardware("small_mesh");
  const PlannedMachine machine = planned(hw, inference(lenet5()));
  REQUIRE(machine.report.problems.empty());
  for (const StagePlan& s : machine.plan.stages) {
    CAPTURE(s.name);
    CHECK(s.cost.at(0).forward.cycles > 0);
    CHECK(s.cost.at(0).backward_cycles() == 0);
    CHECK(s.cost.at(0).update.cycles == 0);
    CHECK(s.backward_messages.empty());
    CHECK(s.optimizer_bytes + s.weight_gradient_bytes + s.gradient_bytes_per_sample == 0);
  }
  // conv1: its input, and its result, which tanh replaces and the pool reads: 28x28x6 twice.
  const double bytes = hw.elements.activations_bytes * 2 * 28 * 28 * 6;
  CHECK(static_cast<double>(machine.plan.stages[0].activation_bytes_per_sample.count()) == bytes);
}

TEST_CASE("a network that fits stays on the chip, one that does not streams, or is refused") {
  HardwareSpec hw = hardware("gemmini16");
  const Work small = inference(NetworkSketch(Shape::image(8, 8, 8)).conv("c", 8, 3, 1, 1).build());
  CHECK(planned(hw, small).plan.stages[0].dram.forward.of(1) == 0);
  const Work large = inference(vgg11_cifar());
  hw.memory_policy = MemoryPolicy::spill;
  const PlannedMachine machine = planned(hw, large);
  CHECK(machine.report.problems.empty());
  CHECK(machine.plan.stages[0].dram.forward.of(1) > 0);
  hw.memory_policy = MemoryPolicy::error;
  CHECK_FALSE(planned(hw, large).report.problems.empty());
}

}  // namespace
}  // namespace stagecoach
