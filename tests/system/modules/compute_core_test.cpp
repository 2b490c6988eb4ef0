// SPDX-License-Identifier: Apache-2.0
// A core alone: stub stages, a wheel, nothing else of the machine.
#include "sim/modules/compute_core.h"

#include <catch2/catch.hpp>

#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

using test::run_until;
using Event = test::StubStage::Event;
constexpr auto kForward = StageOperation::forward;
constexpr auto kBackward = StageOperation::backward;

struct ComputeCoreBench {
  KernelScope kernel;
  MicroBatchPlan plan{10, 1, 1, 1};
  test::StubSink sink;
  RunControl control{2, plan, sink, nullptr, 0, 10, nullptr};
  EventWheel wheel{"wheel"};
  ComputeCore core;
  test::StubStage first{0}, second{1};

  explicit ComputeCoreBench(bool backward_first = true, Pacing pacing = Pacing::elastic)
      : core("core", control, wheel, pacing) {
    for (test::StubStage* stage : {&first, &second}) {
      core.host(*stage, kForward, true, backward_first);
      core.host(*stage, kBackward, true, backward_first);
    }
  }
};

TEST_CASE("core: an operation of 10 cycles that starts at 5 ends at 15, not at 14") {
  ComputeCoreBench b;
  b.first.ready[kForward] = 5;
  b.core.wake_at(5);
  run_until(4);
  CHECK(b.first.begun.empty());
  run_until(14);
  CHECK(b.first.begun == std::vector<Event>{{kForward, 5}});
  CHECK(b.first.finished.empty());
  run_until(15);
  CHECK(b.first.finished == std::vector<Event>{{kForward, 15}});
}

TEST_CASE("core: what arrives while it works starts when it is free, without another call") {
  ComputeCoreBench b;
  b.first.ready[kForward] = 0;
  b.core.wake_at(0);
  run_until(3);
  b.second.ready[kForward] = 3;
  run_until(9);
  CHECK(b.second.begun.empty());
  CHECK(b.second.waits_for_core);
  run_until(20);
  CHECK(b.second.begun == std::vector<Event>{{kForward, 10}});
  CHECK(b.second.finished == std::vector<Event>{{kForward, 20}});
}

TEST_CASE("core: looks again by itself when the data that a stage awaits will be there") {
  ComputeCoreBench b;
  b.first.ready[kForward] = 7;
  b.core.wake_at(0);  // nothing to do yet: the next look is the arrival's
  run_until(6);
  CHECK(b.first.begun.empty());
  run_until(17);
  CHECK(b.first.begun == std::vector<Event>{{kForward, 7}});
  CHECK(b.first.finished == std::vector<Event>{{kForward, 17}});
}

TEST_CASE("core: a backward goes before a forward if the schedule says so, then the later stage") {
  for (const bool backward_first : {true, false}) {
    ComputeCoreBench b(backward_first);
    for (test::StubStage* stage : {&b.first, &b.second}) {
      stage->ready[kForward] = stage->ready[kBackward] = 0;
    }
    b.core.wake_at(0);
    run_until(100);
    const StageOperation earlier = backward_first ? kBackward : kForward;
    const StageOperation later = backward_first ? kForward : kBackward;
    CHECK(b.second.begun == std::vector<Event>{{earlier, 0}, {later, 20}});
    CHECK(b.first.begun == std::vector<Event>{{earlier, 10}, {later, 30}});
    CHECK(b.first.finished.size() + b.second.finished.size() == 4);
  }
}

TEST_CASE("core: in lockstep it starts nothing by itself") {
  ComputeCoreBench b(true, Pacing::lockstep);
  b.first.ready[kForward] = 0;
  b.core.wake_at(0);
  run_until(100);
  CHECK(b.first.begun.empty());
  CHECK(b.first.finished.empty());
}

}  // namespace
}  // namespace stagecoach
