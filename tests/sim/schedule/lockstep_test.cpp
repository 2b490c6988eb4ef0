// SPDX-License-Identifier: Apache-2.0
// Every schedule's lockstep order against the closed forms, counted with pencil and paper.
#include "sim/schedule/lockstep.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/sim/schedule/order_tracker.h"

namespace stagecoach {
namespace {

ScheduleSpec spec_of(ScheduleKind kind) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.pacing = Pacing::lockstep;
  return spec;
}

struct Measured {
  std::int64_t ticks = 0;
  std::vector<TrackedStage> stages;
  std::unique_ptr<Schedule> schedule;
};

Measured measure(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan,
                 std::vector<std::int64_t> capacity = {}) {
  Measured m;
  m.schedule = make_schedule(spec, stages, plan);
  OrderTracker tracker(*m.schedule, plan, stages);
  m.ticks = tracker.run(std::move(capacity));
  m.stages = std::move(tracker.stages);
  return m;
}

const int kStages[] = {1, 2, 3, 4, 8, 34};

TEST_CASE("pipelined: every tick, delay, version and micro-batch in flight is the closed form's") {
  for (const int stages : kStages) {
    for (const int samples : {1, 5, 8, 100}) {
      for (const bool stashing : {false, true}) {
        CAPTURE(stages, samples, stashing);
        ScheduleSpec spec = spec_of(ScheduleKind::pipelined);
        spec.weight_stashing = stashing;
        const MicroBatchPlan plan(samples, 1, 1, 1);
        const Measured m = measure(spec, stages, plan);
        CHECK(m.ticks == samples + 2 * stages - 2);
        for (int k = 0; k < stages; ++k) {
          const int delay = 2 * (stages - 1 - k);
          CHECK(m.schedule->delay(k) == delay);
          CHECK(m.schedule->versions_kept(k) == (stashing ? delay + 1 : 1));
          for (int i = 0; i < samples; ++i) {
            REQUIRE(m.stages[k].forward_tick[i] == i + k);
            REQUIRE(m.stages[k].backward_tick[i] == i + 2 * (stages - 1) - k);
            REQUIRE(m.stages[k].delays[i] == std::min(i, delay));
          }
          CHECK(m.schedule->activations_in_flight(k) == delay + 1);
          CHECK(m.stages[k].peak_in_flight == std::min(samples, delay + 1));
          if (samples > 2 * delay) {
            CHECK(m.stages[k].peak_versions == m.schedule->versions_kept(k));
          }
        }
      }
    }
  }
}

TEST_CASE("sequential: a sample takes 2S-1 ticks and nothing is stale") {
  for (const int stages : kStages) {
    const Measured m =
        measure(spec_of(ScheduleKind::sequential), stages, MicroBatchPlan(20, 1, 1, 1));
    CHECK(m.ticks == 20 * (2 * stages - 1));
    for (int k = 0; k < stages; ++k) {
      CHECK(m.schedule->delay(k) == 0);
      CHECK(m.stages[k].peak_in_flight == 1);
      for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
    }
  }
}

TEST_CASE("fill_drain: N+2S-2 ticks a mini-batch, delay zero, min(N, 2(S-1-k)+1) in flight") {
  for (const int stages : kStages) {
    for (const int batch : {1, 4, 16}) {
      CAPTURE(stages, batch);
      const Measured m = measure(spec_of(ScheduleKind::fill_drain), stages,
                                 MicroBatchPlan(3 * batch, 1, batch, 1));
      CHECK(m.ticks == 3 * (batch + 2 * stages - 2));
      for (int k = 0; k < stages; ++k) {
        CHECK(m.stages[k].updates == 3);
        CHECK(m.stages[k].peak_in_flight == std::min(batch, 2 * (stages - 1 - k) + 1));
        CHECK(m.schedule->activations_in_flight(k) == m.stages[k].peak_in_flight);
        for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
      }
    }
  }
}

TEST_CASE("gpipe: 2(M+S-1) ticks a mini-batch, all forwards first, M sets in flight") {
  for (const int stages : kStages) {
    for (const int micro_batches : {1, 4, 16}) {
      CAPTURE(stages, micro_batches);
      const Measured m = measure(spec_of(ScheduleKind::gpipe), stages,
                                 MicroBatchPlan(3 * 2 * micro_batches, 1, 2 * micro_batches, 2));
      CHECK(m.ticks == 3 * 2 * (micro_batches + stages - 1));
      for (int k = 0; k < stages; ++k) {
        CHECK(m.stages[k].forward_tick[micro_batches - 1] < m.stages[k].backward_tick[0]);
        CHECK(m.stages[k].peak_in_flight == micro_batches);
        CHECK(m.schedule->activations_in_flight(k) == micro_batches);
        for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
      }
    }
  }
}

TEST_CASE("one_f_one_b_flush: gpipe's ticks with min(M, S-k) sets in flight") {
  for (const int stages : kStages) {
    for (const int micro_batches : {1, 4, 16, 64}) {
      CAPTURE(stages, micro_batches);
      const Measured m = measure(spec_of(ScheduleKind::one_f_one_b_flush), stages,
                                 MicroBatchPlan(2 * micro_batches, 1, micro_batches, 1));
      CHECK(m.ticks == 2 * 2 * (micro_batches + stages - 1));
      for (int k = 0; k < stages; ++k) {
        CHECK(m.stages[k].peak_in_flight == std::min(micro_batches, stages - k));
        CHECK(m.schedule->activations_in_flight(k) == m.stages[k].peak_in_flight);
        for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
      }
    }
  }
}

TEST_CASE("zero_bubble: 2M+max(M,S)+S-1 ticks, delay zero, min(M, S) sets in flight (ZB-H1)") {
  for (const int stages : kStages) {
    for (const int micro_batches : {1, 3, 4, 16, 64}) {
      CAPTURE(stages, micro_batches);
      const Measured m = measure(spec_of(ScheduleKind::zero_bubble), stages,
                                 MicroBatchPlan(2 * micro_batches, 1, micro_batches, 1));
      CHECK(m.ticks == 2 * (2 * micro_batches + std::max(micro_batches, stages) + stages - 1));
      for (int k = 0; k < stages; ++k) {
        CHECK(m.stages[k].peak_in_flight == std::min(micro_batches, stages));
        CHECK(m.schedule->activations_in_flight(k) == m.stages[k].peak_in_flight);
        CHECK(m.stages[k].updates == 2);
        for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
      }
    }
  }
}

TEST_CASE("zero_bubble with 2S-1 sets in flight is never idle between mini-batches (ZB-H2)") {
  for (const int stages : kStages) {
    for (const int micro_batches : {2 * stages - 1, 2 * stages, 5 * stages}) {
      CAPTURE(stages, micro_batches);
      ScheduleSpec spec = spec_of(ScheduleKind::zero_bubble);
      spec.max_in_flight = {2 * stages - 1};
      const Measured m =
          measure(spec, stages, MicroBatchPlan(4 * micro_batches, 1, micro_batches, 1));
      CHECK(m.ticks == 3 * 4 * micro_batches + stages - 1);
      for (int k = 0; k < stages; ++k) {
        CHECK(m.stages[k].peak_in_flight == 2 * stages - 1);
        CHECK(m.schedule->activations_in_flight(k) == m.stages[k].peak_in_flight);
        for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
      }
    }
  }
}

TEST_CASE("zero_bubble in buffers of any size ends, or says that it cannot begin") {
  for (int places = 1; places <= 7; ++places) {
    const MicroBatchPlan plan(24, 2, 8, 1);
    const Measured m =
        measure(spec_of(ScheduleKind::zero_bubble), 4, plan, std::vector<std::int64_t>(4, places));
    CAPTURE(places);
    for (int k = 0; k < 4; ++k) CHECK(m.stages[k].updates == 6);
  }
}

TEST_CASE("one_f_one_b: delay S-1-k, S-k versions and sets, 2(N+S-1) ticks") {
  for (const int stages : kStages) {
    CAPTURE(stages);
    const int samples = 3 * stages + 5;
    ScheduleSpec spec = spec_of(ScheduleKind::one_f_one_b);
    spec.weight_stashing = true;
    const Measured m = measure(spec, stages, MicroBatchPlan(samples, 1, 1, 1));
    CHECK(m.ticks == 2 * (samples + stages - 1));
    for (int k = 0; k < stages; ++k) {
      CHECK(m.schedule->delay(k) == stages - 1 - k);
      CHECK(m.schedule->versions_kept(k) == stages - k);
      CHECK(m.stages[k].peak_versions == stages - k);
      CHECK(m.stages[k].peak_in_flight == stages - k);
      for (int i = 0; i < samples; ++i) {
        REQUIRE(m.stages[k].delays[i] == std::min(i, stages - 1 - k));
      }
    }
  }
}

TEST_CASE(
    "vertical sync: every stage reads the version of stage 0 at entry, delay S-1 everywhere") {
  for (const int stages : kStages) {
    CAPTURE(stages);
    const int samples = 3 * stages + 5;
    ScheduleSpec spec = spec_of(ScheduleKind::one_f_one_b);
    spec.vertical_sync = true;
    const Measured m = measure(spec, stages, MicroBatchPlan(samples, 1, 1, 1));
    for (int k = 0; k < stages; ++k) {
      CHECK(m.schedule->delay(k) == stages - 1);
      CHECK(m.schedule->versions_kept(k) == stages);
      for (int i = 0; i < samples; ++i) {
        REQUIRE(m.stages[k].delays[i] == std::min(i, stages - 1));
      }
    }
  }
}

TEST_CASE("two_buffered_weights: delay one mini-batch everywhere, two versions") {
  for (const int stages : kStages) {
    const int micro_batches = std::max(stages, 4);
    CAPTURE(stages);
    const Measured m = measure(spec_of(ScheduleKind::two_buffered_weights), stages,
                               MicroBatchPlan(6 * micro_batches, 1, micro_batches, 1));
    // At least S micro-batches: waiting for the version never costs a tick.
    CHECK(m.ticks == 2 * (6 * micro_batches + stages - 1));
    for (int k = 0; k < stages; ++k) {
      CHECK(m.schedule->delay(k) == 1);
      CHECK(m.schedule->versions_kept(k) == 2);
      CHECK(m.stages[k].peak_versions <= 2);
      for (int i = 0; i < 6 * micro_batches; ++i) {
        REQUIRE(m.stages[k].delays[i] == (i < micro_batches ? 0 : 1));
      }
    }
  }
}

TEST_CASE("two_buffered_weights with few micro-batches waits but keeps two versions") {
  const Measured m =
      measure(spec_of(ScheduleKind::two_buffered_weights), 8, MicroBatchPlan(40, 1, 2, 1));
  CHECK(m.ticks > 2 * (40 + 8 - 1));
  for (int k = 0; k < 8; ++k) {
    CHECK(m.stages[k].peak_versions <= 2);
    CHECK(m.stages[k].peak_in_flight <= m.schedule->activations_in_flight(k));
  }
}

TEST_CASE("hybrid: pipelined, drained, then sequential") {
  ScheduleSpec spec = spec_of(ScheduleKind::hybrid);
  spec.switch_micro_batch = 50;
  const int stages = 5;
  const Measured m = measure(spec, stages, MicroBatchPlan(80, 1, 1, 1));
  CHECK(m.ticks == (50 + 2 * stages - 2) + 30 * (2 * stages - 1));
  for (int k = 0; k < stages; ++k) {
    for (int i = 0; i < 80; ++i) {
      REQUIRE(m.stages[k].delays[i] == (i < 50 ? std::min(i, 2 * (stages - 1 - k)) : 0));
    }
  }
}

TEST_CASE(
    "mini-batches of several micro-batches: the delay in updates is ceil(micro-batches / "
    "mini-batch)") {
  const int stages = 8;
  for (const auto kind : {ScheduleKind::pipelined, ScheduleKind::one_f_one_b}) {
    for (const int batch : {2, 3, 4, 32}) {
      CAPTURE(static_cast<int>(kind), batch);
      const Measured m = measure(spec_of(kind), stages, MicroBatchPlan(20 * batch, 1, batch, 1));
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
      ScheduleSpec spec = spec_of(ScheduleKind::pipelined);
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
  CHECK(measure(spec_of(ScheduleKind::pipelined), 4, plan, capacity).ticks == 106);
  capacity[1] = 4;
  CHECK(measure(spec_of(ScheduleKind::pipelined), 4, plan, capacity).ticks > 106);
}

TEST_CASE("the closed-form delay follows a bound on micro-batches in flight") {
  ScheduleSpec spec = spec_of(ScheduleKind::pipelined);
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
          ScheduleSpec spec = spec_of(kind);
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
      ScheduleSpec spec = spec_of(ScheduleKind::one_f_one_b);
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
    ScheduleSpec spec = spec_of(ScheduleKind::one_f_one_b);
    for (int k = 0; k < stages; ++k) spec.max_in_flight.push_back(draw(2 * stages + 3));
    const Measured m = measure(spec, stages, MicroBatchPlan(120, 1, 1, 1));
    for (int k = 0; k < stages; ++k) {
      CAPTURE(turn, stages, k);
      CHECK(m.schedule->delay(k) >= steady_delay(m.stages[k]));
    }
  }
}

TEST_CASE("every epoch ends with its last, perhaps smaller, mini-batch updated") {
  for (const auto kind :
       {ScheduleKind::fill_drain, ScheduleKind::pipelined, ScheduleKind::one_f_one_b_flush,
        ScheduleKind::two_buffered_weights, ScheduleKind::zero_bubble}) {
    const Measured m = measure(spec_of(kind), 3, MicroBatchPlan(11, 2, 4, 2));
    for (const auto& stage : m.stages) CHECK(stage.updates == 6);
  }
}

class StopAfter : public OpSink {
 public:
  explicit StopAfter(std::int64_t n) : left_(n) {}
  bool emit(const Op&) override { return --left_ > 0; }

 private:
  std::int64_t left_;
};

TEST_CASE("a sink that wants to stop gets nothing more") {
  const MicroBatchPlan plan(50, 1, 1, 1);
  const auto schedule = make_schedule(spec_of(ScheduleKind::pipelined), 4, plan);
  StopAfter sink(17);
  const LockstepSummary summary = run_lockstep_order(*schedule, plan, 4, sink);
  CHECK(summary.stopped_early);
  CHECK(summary.operations == 17);
}

TEST_CASE("gpipe in a buffer smaller than its mini-batch is a deadlock that names the stages") {
  const MicroBatchPlan plan(8, 1, 4, 1);
  const auto schedule = make_schedule(spec_of(ScheduleKind::gpipe), 3, plan);
  StopAfter sink(1000);
  CHECK_THROWS_WITH(
      run_lockstep_order(*schedule, plan, 3, sink, {4, 3, 4}),
      Catch::Contains("deadlock") && Catch::Contains("stage 1 holds 3 of 3 micro-batches"));
}

TEST_CASE("bounds that cannot work are refused with a reason") {
  const MicroBatchPlan plan(8, 1, 4, 1);
  ScheduleSpec spec = spec_of(ScheduleKind::pipelined);
  spec.max_in_flight = {2, 2};
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("each of the 3 stages"));
  spec.max_in_flight = {0};
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("1 or more"));
  spec.kind = ScheduleKind::gpipe;
  spec.max_in_flight = {3};
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("one_f_one_b_flush"));
  spec.kind = ScheduleKind::sequential;
  CHECK_THROWS_WITH(make_schedule(spec, 3, plan), Catch::Contains("always has one micro-batch"));
  ScheduleSpec sync = spec_of(ScheduleKind::pipelined);
  sync.vertical_sync = true;
  CHECK_THROWS_WITH(make_schedule(sync, 3, plan), Catch::Contains("one_f_one_b"));
}

}  // namespace
}  // namespace stagecoach
