// SPDX-License-Identifier: Apache-2.0
// Question: what must a stage keep from forward to backward, counted once per value?
#include "sim/plan/held_values.h"

#include <catch2/catch.hpp>

#include "tests/support/networks.h"

namespace stagecoach {
namespace {

Partition per_layer(const Network& net) { return make_partition(net, {}); }

TEST_CASE("a convolution keeps its input, a ReLU signs, a max pool where the maximum was") {
  const Network net = lenet5();
  const Partition stages = per_layer(net);
  const ElementSpec fp32;
  // conv1: 784 inputs; 6x28x28 signs in bits; 6x14x14 places of one in four, two bits each.
  CHECK(held_bytes_per_sample(net, stages[0], fp32) == 784 * 4 + (4704 + 2 * 1176 + 7) / 8);
  // fc1: 400 inputs, 120 signs (conv2's stage has the flatten).
  CHECK(held_bytes_per_sample(net, stages[2], fp32) == 400 * 4 + 15);
  // fc3: 84 inputs and the 10 outputs for the loss.
  CHECK(held_bytes_per_sample(net, stages[4], fp32) == (84 + 10) * 4);
  ElementSpec bf16;
  bf16.activations_bytes = 2;
  CHECK(held_bytes_per_sample(net, stages[2], bf16) == 400 * 2 + 15);
}

TEST_CASE("a framework keeps the output of every layer, and what a stage reads") {
  const Network net = lenet5();
  PartitionSpec whole;
  whole.kind = PartitionKind::cuts;
  ElementSpec e;
  e.kept_activations = KeptActivations::every_output;
  // Input; convolution and ReLU of 6x28x28 each, pool; the same of 16x10x10; 120, 120, 84, 84, 10.
  const Bytes first = 784 + 2 * 4704 + 1176, second = 2 * 1600 + 400, rest = 2 * 120 + 2 * 84 + 10;
  const Partition one = make_partition(net, whole);
  CHECK(held_bytes_per_sample(net, one[0], e) == (first + second + rest) * 4);
  const Partition stages = per_layer(net);
  CHECK(held_bytes_per_sample(net, stages[0], e) == first * 4);
  CHECK(held_bytes_per_sample(net, stages[1], e) == (1176 + second) * 4);
}

TEST_CASE("a count of modules holds every output twice, and neither inputs nor their gradients") {
  const Network net = lenet5();
  ElementSpec e;
  e.kept_activations = KeptActivations::values_and_gradients;
  const Partition stages = per_layer(net);
  CHECK(held_bytes_per_sample(net, stages[0], e) == (2 * 4704 + 1176) * 8);
  CHECK(held_bytes_per_sample(net, stages[1], e) == (2 * 1600 + 400) * 8);  // the flatten renames
  CHECK(held_bytes_per_sample(net, stages[4], e) == 10 * 8);
  CHECK(gradient_bytes_per_sample(net, stages[0], e, false) == 0);
  CHECK(gradient_bytes_per_sample(net, stages[0], e, true) == 0);
  e.activations_bytes = 2;
  CHECK(held_bytes_per_sample(net, stages[0], e) == (2 * 4704 + 1176) * (2 + 4));
}

TEST_CASE("a value that several layers need is counted once, under all its names") {
  // One stage: fc1 -> relu -> flatten -> identity -> fc2. The ReLU's output is fc2's input: no
  // signs.
  const Network net = NetworkSketch(Shape::features(8))
                          .linear("fc1", 16)
                          .plain(LayerKind::relu)
                          .plain(LayerKind::flatten)
                          .plain(LayerKind::identity)
                          .linear("fc2", 4)
                          .build();
  PartitionSpec whole;
  whole.kind = PartitionKind::cuts;
  const Partition one = make_partition(net, whole);
  REQUIRE(one.size() == 1);
  CHECK(held_bytes_per_sample(net, one[0], {}) == (8 + 16 + 4) * 4);
}

TEST_CASE("norms keep their input and statistics, and two readers share one input") {
  const Network net = resnet20_cifar();
  const Partition stages = per_layer(net);
  const std::vector<int> stage_of = stage_of_layers(net, stages);
  // Stage of conv a1_0: input 16x32x32, then group norm over its output 32x16x16 with 8 groups,
  // then a ReLU whose output the next stage keeps: signs.
  int at = 0;
  while (net.layers[at].spec.name != "a1_0") ++at;
  const StageSpec& stage = stages[stage_of[at]];
  CHECK(held_bytes_per_sample(net, stage, {}) == (16 * 1024 + 32 * 256 + 2 * 8) * 4 + 32 * 256 / 8);
}

TEST_CASE("what arrives at a stage includes skips, and gradients come back for all it hands on") {
  const Network net = resnet20_cifar();
  const Partition stages = per_layer(net);
  const std::vector<int> stage_of = stage_of_layers(net, stages);
  int add = 0;
  while (net.layers[add].spec.name != "sum0_0") ++add;
  const StageSpec& second = stages[stage_of[add]];  // conv b0_0: its input and the shortcut
  CHECK(input_bytes_per_sample(net, second, {}) == 2 * 16 * 1024 * 4);
  CHECK(gradient_bytes_per_sample(net, stages[0], {}, false) ==
        16 * 1024 * 4);  // one value, two readers
  CHECK(input_bytes_per_sample(net, stages[0], {}) == 3 * 1024 * 4);
}

TEST_CASE("a split backward keeps the gradients of all that has weights, each value once") {
  const Network net = resnet20_cifar();
  const Partition stages = per_layer(net);
  // Convolution and norm of 16 channels; the ReLU's output goes on.
  CHECK(gradient_bytes_per_sample(net, stages[0], {}, true) == 3 * 16 * 1024 * 4);
  // The last stage hands nothing on; its layer has ten outputs.
  CHECK(gradient_bytes_per_sample(net, stages.back(), {}, false) == 0);
  CHECK(gradient_bytes_per_sample(net, stages.back(), {}, true) == 10 * 4);
}

}  // namespace
}  // namespace stagecoach
