// SPDX-License-Identifier: Apache-2.0
// Every schedule's lockstep order against the closed forms, counted with pencil and paper.
#include "sim/schedule/lockstep.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/sim/schedule/order_tracker.h"

namespace stagecoach {
namespace {

TEST_CASE("pipelined: every tick, delay, version and micro-batch in flight is the closed form's") {
  for (const int stages : kStages) {
    for (const int samples : {1, 5, 8, 100}) {
      for (const bool stashing : {false, true}) {
        CAPTURE(stages, samples, stashing);
        ScheduleSpec spec = lockstep_spec(ScheduleKind::pipelined);
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
        measure(lockstep_spec(ScheduleKind::sequential), stages, MicroBatchPlan(20, 1, 1, 1));
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
      const Measured m = measure(lockstep_spec(ScheduleKind::fill_drain), stages,
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
      const Measured m = measure(lockstep_spec(ScheduleKind::gpipe), stages,
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
      const Measured m = measure(lockstep_spec(ScheduleKind::one_f_one_b_flush), stages,
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
      const Measured m = measure(lockstep_spec(ScheduleKind::zero_bubble), stages,
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
      ScheduleSpec spec = lockstep_spec(ScheduleKind::zero_bubble);
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
    const Measured m = measure(lockstep_spec(ScheduleKind::zero_bubble), 4, plan,
                               std::vector<std::int64_t>(4, places));
    CAPTURE(places);
    for (int k = 0; k < 4; ++k) CHECK(m.stages[k].updates == 6);
  }
}

TEST_CASE("one_f_one_b: delay S-1-k, S-k versions and sets, 2(N+S-1) ticks") {
  for (const int stages : kStages) {
    CAPTURE(stages);
    const int samples = 3 * stages + 5;
    ScheduleSpec spec = lockstep_spec(ScheduleKind::one_f_one_b);
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
    ScheduleSpec spec = lockstep_spec(ScheduleKind::one_f_one_b);
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
    const Measured m = measure(lockstep_spec(ScheduleKind::two_buffered_weights), stages,
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
      measure(lockstep_spec(ScheduleKind::two_buffered_weights), 8, MicroBatchPlan(40, 1, 2, 1));
  CHECK(m.ticks > 2 * (40 + 8 - 1));
  for (int k = 0; k < 8; ++k) {
    CHECK(m.stages[k].peak_versions <= 2);
    CHECK(m.stages[k].peak_in_flight <= m.schedule->activations_in_flight(k));
  }
}

TEST_CASE("hybrid: pipelined, drained, then sequential") {
  ScheduleSpec spec = lockstep_spec(ScheduleKind::hybrid);
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

TEST_CASE("every epoch ends with its last, perhaps smaller, mini-batch updated") {
  for (const auto kind :
       {ScheduleKind::fill_drain, ScheduleKind::pipelined, ScheduleKind::one_f_one_b_flush,
        ScheduleKind::two_buffered_weights, ScheduleKind::zero_bubble}) {
    const Measured m = measure(lockstep_spec(kind), 3, MicroBatchPlan(11, 2, 4, 2));
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
  const auto schedule = make_schedule(lockstep_spec(ScheduleKind::pipelined), 4, plan);
  StopAfter sink(17);
  const LockstepSummary summary = run_lockstep_order(*schedule, plan, 4, sink);
  CHECK(summary.stopped_early);
  CHECK(summary.operations == 17);
}

}  // namespace
}  // namespace stagecoach
