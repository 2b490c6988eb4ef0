// SPDX-License-Identifier: Apache-2.0
// Question: does every byte that does not fit cross to DRAM with the operation that moves it?
#include "sim/plan/dram_traffic.h"

#include <catch2/catch.hpp>

#include "tests/support/networks.h"

namespace stagecoach {
namespace {

MemoryNeeds needs() {
  MemoryNeeds n;
  n.weights_bytes = 1000, n.optimizer_bytes = 600, n.predicted_bytes = 400;
  n.weight_gradient_bytes = 200;
  n.held_bytes_per_sample = 80;
  n.held_reads_per_sample = {30, 70};
  n.gradient_bytes_per_sample = 20;
  return n;
}

Fit half_of_weights_all_of_activations() {
  Fit fit;
  fit.weight_spill = 0.5;
  fit.activation_spill = 1;
  return fit;
}

bool equal(const DramTraffic::Operation& a, Bytes per_micro_batch, Bytes per_sample) {
  return a.per_micro_batch == per_micro_batch && a.per_sample == per_sample;
}

TEST_CASE("an operation moves the spilled share of what passes its ports") {
  const DramTraffic t = dram_traffic(needs(), half_of_weights_all_of_activations());
  CHECK(equal(t.forward, 500, 80));         // weights; what is kept
  CHECK(equal(t.backward, 500 + 100, 80));  // weights, their gradients; all that was kept, once
  CHECK(equal(t.weight_gradient, 0, 0));
  CHECK(t.update == 2 * 500 + 100 + 2 * 300 + 200);
  CHECK(t.forward.of(3) == 500 + 3 * 80);
  CHECK(t.total(4, 10, 2) == 4 * 1100 + 10 * 160 + 2 * 1900);
}

TEST_CASE("accumulators are read and written by every micro-batch, as at the ports") {
  MemoryNeeds n = needs();
  n.accumulates = true;
  const DramTraffic t = dram_traffic(n, half_of_weights_all_of_activations());
  CHECK(equal(t.backward, 500 + 2 * 100, 80));
}

TEST_CASE("each half of a split backward moves its own") {
  MemoryNeeds n = needs();
  n.accumulates = n.gradients_in_flight = true;
  const DramTraffic t = dram_traffic(n, half_of_weights_all_of_activations());
  CHECK(equal(t.backward, 500, 30 + 20));
  CHECK(equal(t.weight_gradient, 2 * 100, 70 + 20));
}

TEST_CASE("shares that are no whole bytes are rounded up once, so that sums are exact") {
  Fit fit;
  fit.weight_spill = 1.0 / 3, fit.activation_spill = 0.2;
  const DramTraffic t = dram_traffic(needs(), fit);
  CHECK(equal(t.forward, 334, 16));
  CHECK(t.total(7, 7, 0) == 7 * (t.forward.of(1) + t.backward.of(1)));
}

TEST_CASE("what the halves of a backward read of the kept values") {
  // conv - norm - relu - conv: inputs of the convolutions for their weights; the norm's input and
  // statistics and the relu's sign for the gradients of the inputs.
  const Network net = NetworkSketch(Shape::image(2, 4, 4))
                          .conv("c1", 3, 1)
                          .plain(LayerKind::batch_norm2d)
                          .plain(LayerKind::relu)
                          .conv("c2", 5, 1)
                          .build();
  PartitionSpec one;
  one.kind = PartitionKind::cuts;
  const StageSpec stage = make_partition(net, one)[0];
  const HeldReads reads = held_reads_per_sample(net, stage, {});
  const Bytes x = 2 * 16 * 4, y = 3 * 16 * 4,
              z = 5 * 16 * 4;  // z: the output, which the loss keeps
  CHECK(reads.weight_gradient == x + y);
  CHECK(reads.input_gradient == y + 2 * 3 * 4 + z);
  CHECK(held_bytes_per_sample(net, stage, {}) == x + y + y + 2 * 3 * 4 + z);
}

}  // namespace
}  // namespace stagecoach
