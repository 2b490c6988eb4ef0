// SPDX-License-Identifier: Apache-2.0
// What a schedule tells the workload file and the engine.
#include "sim/schedule/schedule_facts.h"

#include <catch2/catch.hpp>

namespace stagecoach {
namespace {

std::unique_ptr<Schedule> four_stages(ScheduleSpec spec) {
  return make_schedule(spec, 4, MicroBatchPlan(40, 1, 1, 1));
}

TEST_CASE("one_f_one_b stashes by default, and what flushes or accumulates splits a mini-batch") {
  CHECK(schedule_facts(ScheduleKind::one_f_one_b).stashes_weights);
  CHECK_FALSE(schedule_facts(ScheduleKind::pipelined).stashes_weights);
  CHECK_FALSE(schedule_facts(ScheduleKind::pipelined).splits_mini_batch);
  CHECK_FALSE(schedule_facts(ScheduleKind::sequential).splits_mini_batch);
  CHECK(schedule_facts(ScheduleKind::gpipe).splits_mini_batch);
  CHECK(schedule_facts(ScheduleKind::two_buffered_weights).splits_mini_batch);
}

TEST_CASE("SpecTrain's horizons: the rest of a micro-batch's round trip") {
  ScheduleSpec spec;
  struct Horizons {
    double forward, backward;
  };
  const auto check = [&](const Horizons(&expected)[4]) {
    const auto schedule = four_stages(spec);
    for (int k = 0; k < 4; ++k) {
      CAPTURE(static_cast<int>(spec.kind), k);
      CHECK(schedule->stage_delay(k).delay == schedule->delay(k));
      CHECK(schedule->stage_delay(k).spectrain_forward == expected[k].forward);
      CHECK(schedule->stage_delay(k).spectrain_backward == expected[k].backward);
    }
  };
  for (const ScheduleKind kind : {ScheduleKind::pipelined, ScheduleKind::hybrid}) {
    spec.kind = kind;
    check({{6, 0}, {5, 1}, {4, 2}, {3, 3}});
  }
  spec.kind = ScheduleKind::one_f_one_b;
  check({{3, 0}, {2, 0}, {2, 1}, {1, 1}});
  spec.kind = ScheduleKind::two_buffered_weights;
  check({{0, 0}, {0, 0}, {0, 0}, {0, 0}});
  spec.kind = ScheduleKind::sequential;
  check({{0, 0}, {0, 0}, {0, 0}, {0, 0}});
}

TEST_CASE("one micro-batch in flight: nothing is stale, so nothing is predicted") {
  for (const ScheduleKind kind : {ScheduleKind::pipelined, ScheduleKind::one_f_one_b}) {
    ScheduleSpec spec;
    spec.kind = kind;
    spec.max_in_flight = {1};
    const auto schedule = four_stages(spec);
    for (int k = 0; k < 4; ++k) {
      CHECK(schedule->stage_delay(k).spectrain_forward == 0);
      CHECK(schedule->stage_delay(k).spectrain_backward == 0);
    }
  }
}

TEST_CASE("a stage's policy says what the engine must keep") {
  ScheduleSpec spec;
  SECTION("current") {
    CHECK_FALSE(four_stages(spec)->stage_policy(0).stash);
    CHECK(four_stages(spec)->stage_policy(0).history == 0);
    CHECK(four_stages(spec)->stage_policy(0).delay.delay == 6);
  }
  SECTION("stashed: kept as long as a micro-batch needs it, not by number") {
    spec.weight_stashing = true;
    CHECK(four_stages(spec)->stage_policy(0).stash);
    CHECK(four_stages(spec)->stage_policy(0).history == 0);
  }
  SECTION("vertical sync: stage 3 keeps what stage 0 had") {
    spec.kind = ScheduleKind::one_f_one_b;
    spec.vertical_sync = true;
    CHECK(four_stages(spec)->stage_policy(3).stash);
    CHECK(four_stages(spec)->stage_policy(3).history == 4);
  }
  SECTION("double-buffered") {
    spec.kind = ScheduleKind::two_buffered_weights;
    CHECK(four_stages(spec)->stage_policy(0).stash);
    CHECK(four_stages(spec)->stage_policy(0).history == 2);
  }
}

}  // namespace
}  // namespace stagecoach
