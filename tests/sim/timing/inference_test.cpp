// SPDX-License-Identifier: Apache-2.0
// Question: from public parameters alone, how near are NVDLA's published frames per second?
#include "tests/support/inference.h"

#include <catch2/catch.hpp>
#include <iostream>

#include "models/base/error.h"
#include "models/graph/families.h"
#include "paths.h"
#include "sim/config/hardware_config.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

/// ResNet-50 of 2015, as the published rows ran it.
Network resnet50() {
  FamilySpec spec = default_family_spec(Family::resnet50);
  spec.preactivation = false;
  spec.norm = FamilyNorm::batch_norm2d;
  spec.norm_groups = 0;
  return build_network(build_family(spec));
}

HardwareSpec preset(const std::string& name) {
  return load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/" + name + ".json");
}

/// Frames per second if every load were hidden behind the products.
double with_loads_hidden(const HardwareSpec& hw, const Network& net) {
  double cycles = 0;
  for (InferenceStep s : inference_steps(hw, net)) {
    s.double_buffered = true;
    cycles += static_cast<double>(s.cycles());
  }
  return hw.clock_mhz * 1e6 / cycles;
}

TEST_CASE("NVDLA's two published rows for ResNet-50 are met within 25 percent") {
  const Network net = resnet50();
  const HardwareSpec large_core = preset("nvdla_large"), small_core = preset("nvdla_small");
  const double large = frames_per_second(large_core, net);
  const double small = frames_per_second(small_core, net);
  std::cout << "ResNet-50 forward, frames/s (published; with all loads hidden)\n  nvdla_large  "
            << large << " (269; " << with_loads_hidden(large_core, net) << ")\n  nvdla_small  "
            << small << " (7.3; " << with_loads_hidden(small_core, net) << ")\n";
  CHECK(large == Approx(269).epsilon(0.25));
  CHECK(small == Approx(7.3).epsilon(0.25));
}

/// An 8 x 8 dot-product core, int8, a byte of DRAM a cycle.
HardwareSpec core_of(double capacity_kib) {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::dot_product;
  hw.cores[0].vector_unit.lanes = 1;
  hw.cores[0].buffer = BufferSpec{};
  hw.cores[0].buffer->capacity_kib = capacity_kib;
  hw.elements = {1, 1, 1, 1};
  hw.dram = DramSpec{};
  hw.dram->bandwidth_gb_per_s = 1;
  return hw;
}

TEST_CASE("a step that fits half the buffer takes the longest of matrix unit, vectors and DRAM") {
  const std::vector<InferenceStep> steps = inference_steps(core_of(1024), lenet5());
  REQUIRE(steps.size() == 5);
  CHECK(steps[0].matrix_cycles == 784 * 25);
  CHECK(steps[0].vector_cycles == 4704);  // the pool reads as many
  CHECK(steps[0].load_cycles + steps[0].stream_cycles == 150 + 784 + 1176);
  CHECK(steps[0].cycles() == 784 * 25);
  CHECK(steps[2].cycles() == 48000 + 400 + 120);  // fc1: its weights
}

TEST_CASE("a step that does not waits for its weights and input") {
  // fc1: 48400 bytes in; half of 94 KiB is 48128. 50 x 15 trips and 120 results follow.
  const std::vector<InferenceStep> steps = inference_steps(core_of(94), lenet5());
  CHECK_FALSE(steps[2].double_buffered);
  CHECK(steps[2].cycles() == 48400 + 750);
  CHECK(inference_steps(core_of(95), lenet5())[2].double_buffered);
}

TEST_CASE("weights that pass through a small buffer in parts make the input come as often") {
  const Network net = NetworkSketch(Shape::image(64, 32, 32)).conv("c", 128, 3, 1, 1).build();
  const double weights = 128 * 64 * 9, input = 64 * 1024, output = 128 * 1024;  // 72 KiB of weights
  CHECK(inference_steps(core_of(72), net)[0].dram_bytes == weights + input + output);
  CHECK(inference_steps(core_of(71), net)[0].dram_bytes == weights + 2 * input + output);
  CHECK(inference_steps(core_of(24), net)[0].dram_bytes == weights + 3 * input + output);
}

TEST_CASE("a core of constants has no layers to infer with") {
  HardwareSpec hw;
  hw.cores.resize(1);
  CHECK_THROWS_AS(inference_steps(hw, lenet5()), UserError);
}

}  // namespace
}  // namespace stagecoach
