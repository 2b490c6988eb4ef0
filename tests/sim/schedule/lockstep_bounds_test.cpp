// SPDX-License-Identifier: Apache-2.0
// Lockstep orders with bounds: on micro-batches in flight, on what buffers hold.
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/schedule/lockstep.h"
#include "tests/sim/schedule/order_tracker.h"

namespace stagecoach {
namespace {

TEST_CASE(
    "mini-batches of several micro-batches: the delay in updates is ceil(micro-batches / "
    "mini-batch)") {
  const int stages = 8;
  for (const auto kind : {ScheduleKind::pipelined, ScheduleKind::one_f_one_b}) {
    for (const int batch : {2, 3, 4, 32}) {
      CAPTURE(static_cast<int>(kind), batch);
      const Measured m =
          measure(lockstep_spec(kind), stages, MicroBatchPlan(20 * batch, 1, batch, 1));
      const int apart = kind == ScheduleKind::pipelined ? 2 : 1;
      for (int k = 0; k < stages; ++k) {
        const int micro_batches = apart * (stages - 1 - k);
        const auto& delays = m.stages[k].delays;
        CHECK(m.schedule->delay(k) == (micro_batches + batch - 1) / batch);
        // In the middle of the run: first micro-batch of a mini-batch the ceiling, last one the
        // floor.
        CHECK(delays[15 * batch] == m.schedule->delay(k));
        CHECK(delays[16 * batch - 1] == micro_batches / batch);
        CHECK(*std::max_element(delays.begin(), delays.end()) == m.schedule->delay(k));
      }
    }
  }
}

TEST_CASE("a first stage that holds B samples: the published ends of the trade-off") {
  const MicroBatchPlan plan(400, 1, 1, 1);
  for (const bool by_bound : {true, false}) {
    const auto run = [&](int b) {
      ScheduleSpec spec = lockstep_spec(ScheduleKind::pipelined);
      std::vector<std::int64_t> capacity;
      if (by_bound) {
        spec.max_in_flight = {b, 99, 99, 99, 99, 99, 99, 99};
      } else {
        capacity.assign(8, 99);
        capacity[0] = b;
      }
      return measure(spec, 8, plan, capacity);
    };
    const Measured full = run(15);
    CHECK(full.ticks == 414);
    for (int k = 0; k < 8; ++k) CHECK(full.stages[k].delays[200] == 14 - 2 * k);
    const Measured one = run(1);
    CHECK(one.ticks == 6000);
    for (int k = 0; k < 8; ++k) CHECK(one.stages[k].delays[200] == 0);
    // Between the ends: throughput at most B/15 samples a tick, delay at most B-1, both reached.
    for (int b = 2; b < 15; ++b) {
      CAPTURE(b);
      const Measured some = run(b);
      CHECK(some.ticks * b >= 400 * 15);
      CHECK((some.ticks - 15) * b <= 400 * 15);
      CHECK(some.stages[0].delays[200] == b - 1);
      for (int k = 0; k < 8; ++k) {
        for (const auto delay : some.stages[k].delays) CHECK(delay <= std::min(b - 1, 14 - 2 * k));
      }
    }
  }
}

TEST_CASE("a buffer of 2(S-1-k)+1 micro-batches at every stage costs no tick, one less does") {
  const MicroBatchPlan plan(100, 1, 1, 1);
  std::vector<std::int64_t> capacity = {7, 5, 3, 1};
  CHECK(measure(lockstep_spec(ScheduleKind::pipelined), 4, plan, capacity).ticks == 106);
  capacity[1] = 4;
  CHECK(measure(lockstep_spec(ScheduleKind::pipelined), 4, plan, capacity).ticks > 106);
}

TEST_CASE("the closed-form delay follows a bound on micro-batches in flight") {
  ScheduleSpec spec = lockstep_spec(ScheduleKind::pipelined);
  spec.max_in_flight = {1};
  const auto one = make_schedule(spec, 4, MicroBatchPlan(10, 1, 1, 1));
  for (int k = 0; k < 4; ++k) CHECK(one->delay(k) == 0);
  spec.max_in_flight = {4, 9, 9, 9};
  const auto four = make_schedule(spec, 4, MicroBatchPlan(10, 1, 1, 1));
  CHECK(four->delay(0) == 3);
  CHECK(four->delay(1) == 3);
  CHECK(four->delay(2) == 2);
  CHECK(four->delay(3) == 0);
}

TEST_CASE("versions kept suffice where short mini-batches end epochs, and are not too many") {
  for (const int stages : {3, 8, 34}) {
    for (const int per_epoch : {9, 17, 50}) {
      for (const bool sync : {false, true}) {
        for (const auto kind : {ScheduleKind::pipelined, ScheduleKind::one_f_one_b}) {
          if (sync && kind == ScheduleKind::pipelined) continue;
          CAPTURE(stages, per_epoch, sync, static_cast<int>(kind));
          ScheduleSpec spec = lockstep_spec(kind);
          spec.weight_stashing = true;
          spec.vertical_sync = sync;
          const Measured m = measure(spec, stages, MicroBatchPlan(per_epoch, 20, 8, 1));
          for (int k = 0; k < stages; ++k) {
            CHECK(m.stages[k].peak_versions <= m.schedule->versions_kept(k));
            CHECK(*std::max_element(m.stages[k].delays.begin(), m.stages[k].delays.end()) <
                  m.schedule->versions_kept(k));
          }
          CHECK(m.stages[0].peak_versions == m.schedule->versions_kept(0));
        }
      }
    }
  }
}

/// The delay that most micro-batches of the middle of a run have at most.
std::int64_t steady_delay(const TrackedStage& stage) {
  const auto n = static_cast<std::ptrdiff_t>(stage.delays.size());
  return *std::max_element(stage.delays.begin() + n / 3, stage.delays.begin() + 2 * n / 3);
}

TEST_CASE("one_f_one_b: bounds in flight that lower or lift it have the delay of the closed form") {
  for (const int stages : {1, 2, 3, 5, 8}) {
    for (int bound = 1; bound <= 2 * stages + 3; ++bound) {
      CAPTURE(stages, bound);
      ScheduleSpec spec = lockstep_spec(ScheduleKind::one_f_one_b);
      spec.max_in_flight = {bound};
      const Measured m = measure(spec, stages, MicroBatchPlan(120, 1, 1, 1));
      for (int k = 0; k < stages; ++k) {
        CAPTURE(k);
        CHECK(m.schedule->delay(k) == steady_delay(m.stages[k]));
      }
    }
  }
}

TEST_CASE("one_f_one_b: with bounds that differ the delay is never above the closed form") {
  std::uint32_t random = 7;
  const auto draw = [&random](int most) {
    random = random * 1664525u + 1013904223u;
    return 1 + static_cast<int>((random >> 16) % static_cast<std::uint32_t>(most));
  };
  for (int turn = 0; turn < 300; ++turn) {
    const int stages = draw(8);
    ScheduleSpec spec = lockstep_spec(ScheduleKind::one_f_one_b);
    for (int k = 0; k < stages; ++k) spec.max_in_flight.push_back(draw(2 * stages + 3));
    const Measured m = measure(spec, stages, MicroBatchPlan(120, 1, 1, 1));
    for (int k = 0; k < stages; ++k) {
      CAPTURE(turn, stages, k);
      CHECK(m.schedule->delay(k) >= steady_delay(m.stages[k]));
    }
  }
}

TEST_CASE("gpipe in a buffer smaller than its mini-batch is a deadlock that names the stages") {
  const MicroBatchPlan plan(8, 1, 4, 1);
  CHECK_THROWS_WITH(
      measure(lockstep_spec(ScheduleKind::gpipe), 3, plan, {4, 3, 4}),
      Catch::Contains("deadlock") && Catch::Contains("stage 1 holds 3 of 3 micro-batches"));
}

TEST_CASE("bounds that cannot work are refused with a reason") {
  const MicroBatchPlan plan(8, 1, 4, 1);
  ScheduleSpec spec = lockstep_spec(ScheduleKind::pipelined);
  spec.max_in_flight = {2, 2};
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("each of the 3 stages"));
  spec.max_in_flight = {0};
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("1 or more"));
  spec.kind = ScheduleKind::gpipe;
  spec.max_in_flight = {3};
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("one_f_one_b_flush"));
  spec.kind = ScheduleKind::sequential;
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("always has one micro-batch"));
  ScheduleSpec sync = lockstep_spec(ScheduleKind::pipelined);
  sync.vertical_sync = true;
  CHECK_THROWS_WITH(make_schedule(sync, 3, plan), Catch::Contains("one_f_one_b"));
}

}  // namespace
}  // namespace stagecoach
