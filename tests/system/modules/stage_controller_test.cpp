// SPDX-License-Identifier: Apache-2.0
// A stage's controller alone: stub buffers, network and source around it.
#include "sim/modules/stage_controller.h"

#include <catch2/catch.hpp>

#include "sim/modules/weight_buffer.h"
#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

constexpr auto kForwardOf = StageOperation::forward;
constexpr auto kBackwardOf = StageOperation::backward;

OpCost cycles(Cycles n) {
  OpCost cost;
  cost.cycles = cost.compute_cycles = n;
  return cost;
}

struct StubLoss : LossIf {
  bool has_room(Cycles now) const override { return now >= free_at; }
  Cycles room_at() const override { return free_at; }
  void accept(MicroBatchId micro_batch, int, Cycles time) override {
    accepted.push_back({micro_batch, time});
  }
  Cycles free_at = 0;
  std::vector<std::pair<MicroBatchId, Cycles>> accepted;
};

struct StageControllerBench {
  KernelScope kernel;
  MicroBatchPlan micro_batches{2, 1, 1, 1};
  ScheduleSpec spec;
  std::unique_ptr<Schedule> schedule = make_schedule(spec, 2, micro_batches);
  ForwardVersions versions{*schedule, micro_batches};
  StagePlan plan;
  test::StubSink sink;
  RunControl control{2, micro_batches, sink, nullptr, 0, 2, nullptr};
  WeightBuffer weights{"weights", 0, versions};
  test::StubActivations activations;
  test::StubTransfer network;
  test::StubSource source;
  test::StubWake core;
  test::StubInbox receiver;
  StubLoss loss;
  std::unique_ptr<StageController> stage;

  explicit StageControllerBench(bool with_loss = false) {
    plan.name = "s0";
    plan.cost = {{cycles(10), cycles(20), cycles(5)}};
    stage = std::make_unique<StageController>("stage", 0, plan, *schedule, micro_batches, control,
                                              SeriesOptions{});
    stage->weights(weights);
    stage->activations(activations);
    stage->network(network);
    stage->source(source);
    if (with_loss) stage->loss(loss);
    stage->set_cores(&core, &core);
    control.set_entry_stages({0});
    OutputPort port;
    port.channel = 3;
    port.receiver = &receiver;
    port.to_stage = 1;
    port.bytes_per_sample = 64;
    if (!with_loss) stage->add_forward_output(port);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);  // binds the ports
  }

  void require_completion() const {
    REQUIRE(stage->finished());
    REQUIRE(activations.retired.size() == 2);
    REQUIRE(weights.progress().updates == 2);
  }
};

TEST_CASE("controller: an input that is there at 8 may start at 8, not at 7") {
  StageControllerBench b;
  CHECK(b.stage->obstacle(kForwardOf, 7) == Obstacle::data);
  CHECK_FALSE(b.stage->next_data(kForwardOf, 7));
  b.activations.inputs = {{0, 8}, {1, 8}};
  CHECK(b.stage->obstacle(kForwardOf, 7) == Obstacle::data);
  CHECK(b.stage->next_data(kForwardOf, 7) == std::optional<Cycles>(8));
  CHECK(b.stage->obstacle(kForwardOf, 8) == Obstacle::nothing);
  b.activations.gradients = {{0, 9}, {1, 9}};
  CHECK(b.stage->obstacle(kBackwardOf, 9) == Obstacle::data);  // its own forward comes first

  CHECK(b.stage->begin(kForwardOf, 8, true) == 18);
  b.stage->finish(kForwardOf, 18);
  CHECK(b.stage->begin(kForwardOf, 18, true) == 28);
  b.stage->finish(kForwardOf, 28);
  CHECK(b.stage->begin(kBackwardOf, 28, true) == 28 + 20 + 5);
  b.stage->finish(kBackwardOf, 53);
  CHECK(b.activations.retired.back() == std::pair<MicroBatchId, Cycles>(0, 53));
  CHECK(b.stage->begin(kBackwardOf, 53, true) == 78);
  CHECK(b.weights.progress().updates == 1);  // the second is under way
  b.stage->finish(kBackwardOf, 78);
  b.require_completion();
  StageStatistics s;
  b.stage->report(78, s);
  CHECK(s.cycles[CycleKind::idle] == 8);
  CHECK(s.cycles[CycleKind::forward] == 20);
  CHECK(s.cycles[CycleKind::backward] == 40);
  CHECK(s.cycles[CycleKind::update] == 10);
  CHECK(s.cycles.total() == 78);
}

TEST_CASE("controller: what a forward makes is sent for the moment at which it ends") {
  StageControllerBench b;
  b.activations.inputs = {{0, 0}, {1, 0}};
  b.activations.gradients = {{0, 0}, {1, 0}};
  b.receiver.room = false;
  CHECK(b.stage->obstacle(kForwardOf, 4) == Obstacle::credit);
  b.receiver.room = true;
  CHECK(b.stage->obstacle(kForwardOf, 4) == Obstacle::nothing);
  b.stage->begin(kForwardOf, 4, true);
  REQUIRE(b.network.sent.size() == 1);
  CHECK(b.network.sent[0].ready == 14);
  CHECK(b.network.sent[0].channel == 3);
  CHECK(b.network.sent[0].bytes == 64);
  CHECK(b.receiver.reserved == std::vector<MicroBatchId>{0});
  b.stage->finish(kForwardOf, 14);
  for (const StageOperation next : {kBackwardOf, kForwardOf, kBackwardOf}) {
    b.stage->finish(next, b.stage->begin(next, 100, true));
  }
  CHECK(b.network.sent.size() == 2);
  b.require_completion();
}

TEST_CASE("controller: an update is handed over with its backward, or when it completes") {
  for (const bool with_backward : {true, false}) {
    StageControllerBench b;
    b.activations.inputs = {{0, 0}, {1, 0}};
    b.activations.gradients = {{0, 0}, {1, 0}};
    b.stage->finish(kForwardOf, b.stage->begin(kForwardOf, 0, with_backward));
    b.stage->begin(kBackwardOf, 10, with_backward);
    b.stage->begin(kForwardOf, 12, with_backward);  // on a core of its own
    b.stage->finish(kForwardOf, 22);
    CHECK(b.stage->progress().updates == 0);
    b.stage->finish(kBackwardOf, 35);
    CHECK(b.stage->progress().updates == 1);
    b.stage->finish(kBackwardOf, b.stage->begin(kBackwardOf, 40, with_backward));
    std::vector<Pass> passes;
    for (const Op& op : b.sink.ops) passes.push_back(op.pass);
    const std::vector<Pass> fused{Pass::forward, Pass::backward_with_update, Pass::forward,
                                  Pass::backward_with_update};
    const std::vector<Pass> apart{Pass::forward, Pass::backward, Pass::forward,
                                  Pass::update,  Pass::backward, Pass::update};
    CHECK(passes == (with_backward ? fused : apart));
    b.require_completion();
  }
}

TEST_CASE("controller: the last stage waits for the host's channel") {
  StageControllerBench b(true);
  b.activations.inputs = {{0, 0}, {1, 0}};
  b.activations.gradients = {{0, 0}, {1, 0}};
  b.loss.free_at = 6;
  CHECK(b.stage->obstacle(kForwardOf, 5) == Obstacle::credit);
  CHECK(b.stage->next_data(kForwardOf, 5) == std::optional<Cycles>(6));
  CHECK(b.stage->obstacle(kForwardOf, 6) == Obstacle::nothing);
  b.stage->finish(kForwardOf, b.stage->begin(kForwardOf, 6, true));
  CHECK(b.loss.accepted.back() == std::pair<MicroBatchId, Cycles>(0, 16));
  for (const StageOperation next : {kBackwardOf, kForwardOf, kBackwardOf}) {
    b.stage->finish(next, b.stage->begin(next, 50, true));
  }
  b.require_completion();
}

}  // namespace
}  // namespace stagecoach
