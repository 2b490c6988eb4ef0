// SPDX-License-Identifier: Apache-2.0
// An activation buffer alone, between stub senders and stub cores.
#include "sim/modules/activation_buffer.h"

#include <catch2/catch.hpp>

#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

struct ActivationBufferBench {
  KernelScope kernel;
  MicroBatchPlan plan{10, 1, 1, 1};
  test::StubWake main_sender, skip_sender, forward_core, backward_core;
  ActivationBuffer buffer;

  explicit ActivationBufferBench(std::int64_t capacity, int edges = 1, int gradients = 1)
      : buffer("buffer", make_edges(edges), gradients, capacity, plan, Pacing::elastic) {
    buffer.set_cores(&forward_core, &backward_core);
  }

  std::vector<InputEdge> make_edges(int n) {
    std::vector<InputEdge> edges{{0, 2, 0, &main_sender}};
    if (n == 2) edges.push_back({-1, 2, 0, &skip_sender});
    return edges;
  }
  void send(MicroBatchId p, Cycles available) {
    buffer.reserve(0, p, 8);
    buffer.deposit_input(0, p, {available - 1, available});
  }
};

TEST_CASE("buffer: an input that arrives at 8 wakes the core for 8 and counts at 8, not at 7") {
  ActivationBufferBench b(kUnlimited<std::int64_t>);
  b.send(0, 5);
  b.send(1, 8);
  CHECK(b.forward_core.times == std::vector<Cycles>{5, 8});
  REQUIRE(b.buffer.input(1));
  CHECK(b.buffer.input(1)->available == 8);
  b.buffer.begin_forward(0, 5);
  b.buffer.deposit_gradient(0, {6, 6});
  b.buffer.begin_backward(0, 7);
  CHECK(b.buffer.micro_batches_held() == 1);
  b.buffer.begin_forward(1, 8);
  CHECK(b.buffer.micro_batches_held() == 2);
  b.buffer.retire(0, 9);
  CHECK(b.buffer.micro_batches_held() == 1);
  b.buffer.deposit_gradient(1, {10, 10});
  b.buffer.begin_backward(1, 10);
  b.buffer.retire(1, 12);
  CHECK(b.buffer.micro_batches_held() == 0);
  StageStatistics statistics;
  b.buffer.report(statistics);
  CHECK(statistics.peak_activation_samples == 2);
  CHECK(statistics.peak_gradient_samples == 1);
}

TEST_CASE("buffer: a place becomes free when a micro-batch retires, and its sender is told then") {
  ActivationBufferBench b(2);
  b.send(0, 1);
  CHECK(b.buffer.has_room(0));
  b.send(1, 2);
  CHECK_FALSE(b.buffer.has_room(0));
  CHECK(b.buffer.buffer_full());
  b.buffer.begin_forward(0, 2);
  CHECK(b.main_sender.times == std::vector<Cycles>{2});  // the queue has room, the buffer has not
  CHECK_FALSE(b.buffer.has_room(0));
  b.buffer.deposit_gradient(0, {4, 4});
  b.buffer.begin_backward(0, 4);
  CHECK_FALSE(b.buffer.has_room(0));
  b.buffer.retire(0, 6);
  CHECK(b.main_sender.times == std::vector<Cycles>{2, 6});
  CHECK(b.buffer.has_room(0));
  CHECK(b.buffer.micro_batches_held() == 1);
}

TEST_CASE("buffer: an input of two values is there when the later of the two is") {
  ActivationBufferBench b(kUnlimited<std::int64_t>, 2);
  b.buffer.reserve(1, 0, 24);
  b.buffer.deposit_input(1, 0, {8, 9});
  CHECK_FALSE(b.buffer.input(0));
  CHECK(b.forward_core.times.empty());
  b.send(0, 4);
  REQUIRE(b.buffer.input(0));
  CHECK(b.buffer.input(0)->made == 8);
  CHECK(b.buffer.input(0)->available == 9);
  CHECK(b.forward_core.times == std::vector<Cycles>{9});
  b.buffer.begin_forward(0, 9);
  CHECK(b.skip_sender.times == std::vector<Cycles>{9});
  StageStatistics statistics;
  b.buffer.report(statistics);
  CHECK(statistics.peak_skip_bytes == 24);
}

TEST_CASE("buffer: a gradient of two messages waits for both") {
  ActivationBufferBench b(kUnlimited<std::int64_t>, 1, 2);
  b.send(0, 1);
  b.buffer.begin_forward(0, 1);
  b.buffer.deposit_gradient(0, {2, 3});
  CHECK_FALSE(b.buffer.gradient(0));
  CHECK(b.backward_core.times.empty());
  b.buffer.deposit_gradient(0, {5, 7});
  CHECK(b.buffer.gradient(0)->available == 7);
  CHECK(b.backward_core.times == std::vector<Cycles>{7});
  b.buffer.begin_backward(0, 7);
  CHECK(b.buffer.gradients_held() == 1);
  b.buffer.retire(0, 8);
  CHECK(b.buffer.gradients_held() == 0);
}

}  // namespace
}  // namespace stagecoach
