// SPDX-License-Identifier: Apache-2.0
// A weight buffer alone: its versions, as its stage's controller sees them.
#include "sim/modules/weight_buffer.h"

#include <catch2/catch.hpp>

#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

struct WeightBufferBench {
  KernelScope kernel;
  MicroBatchPlan plan{20, 1, 1, 1};
  std::unique_ptr<Schedule> schedule;
  ForwardVersions versions;

  explicit WeightBufferBench(const ScheduleSpec& spec)
      : schedule(make_schedule(spec, 3, plan)), versions(*schedule, plan) {}
};

TEST_CASE("weight buffer: an update is visible once it is complete, not before") {
  WeightBufferBench b{ScheduleSpec{}};
  WeightBuffer weights("weights", 0, b.versions);
  CHECK(weights.begin_forward() == Op::kCurrent);
  CHECK(weights.last_read() == 0);
  weights.begin_backward();
  CHECK(weights.last_read() == 0);
  weights.begin_forward();
  CHECK(weights.last_read() == 0);  // the update of micro-batch 0 is under way
  CHECK(weights.retire(true).staleness_sum == 0);
  weights.begin_forward();
  CHECK(weights.last_read() == 1);
  weights.begin_backward();  // of micro-batch 1, which read version 0
  CHECK(weights.last_read() == 1);
  CHECK(weights.retire(true).staleness_sum == 1);
  CHECK(weights.stashed_versions() == 0);
  StageStatistics s;
  weights.report(s);
  CHECK(s.updates == 2);
  CHECK(s.staleness.histogram == std::map<std::int64_t, std::int64_t>{{0, 1}, {1, 1}});
  CHECK(weights.progress().retired == 2);
}

TEST_CASE("weight buffer: with stashing the peak counts versions besides the newest") {
  ScheduleSpec spec;
  spec.weight_stashing = true;
  WeightBufferBench b{spec};
  WeightBuffer weights("weights", 0, b.versions);
  for (int round = 0; round < 4; ++round) {  // two enter, one leaves
    weights.begin_forward();
    weights.begin_forward();
    weights.begin_backward();
    weights.retire(true);
  }
  CHECK(weights.progress().in_flight() == 4);
  StageStatistics s;
  weights.report(s);
  CHECK(s.peak_stashed_versions == 2);  // of 2, 2, 3, 3 when version 4 is the newest
  while (weights.progress().in_flight() > 0) {
    weights.begin_backward();
    weights.retire(true);
  }
  CHECK(weights.stashed_versions() == 0);
  CHECK(weights.progress().retired == 8);
}

TEST_CASE("weight buffer: under vertical sync a stage reads what stage 0 had at the entry") {
  ScheduleSpec spec;
  spec.kind = ScheduleKind::one_f_one_b;
  spec.vertical_sync = true;
  WeightBufferBench b{spec};
  WeightBuffer first("first", 0, b.versions), second("second", 1, b.versions);
  CHECK(first.begin_forward() == 0);
  first.begin_backward();
  first.retire(true);
  CHECK(first.begin_forward() == 1);
  CHECK(second.begin_forward() == 0);
  second.begin_backward();
  second.retire(true);
  CHECK(second.begin_forward() == 1);
  second.begin_backward();
  second.retire(true);
  CHECK(second.progress().updates == 2);
  // Version 1 must stay: micro-batch 2 may still come with it.
  CHECK(second.stashed_versions() == 1);
}

}  // namespace
}  // namespace stagecoach
