// SPDX-License-Identifier: Apache-2.0
// A register between the last forward and the first backward (`pipeline.turnaround`): what it makes
// of ticks, delays, versions and micro-batches in flight, in both pacings, under every schedule.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "models/base/error.h"
#include "sim/schedule/lockstep.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

constexpr ScheduleKind kMeet[] = {ScheduleKind::pipelined, ScheduleKind::hybrid,
                                  ScheduleKind::fill_drain};
const int kTurnaroundStages[] = {1, 2, 3, 5, 8};

ScheduleSpec turned(ScheduleKind kind, Pacing pacing) {
  ScheduleSpec spec = schedule_spec(kind, pacing);
  spec.turnaround = 1;
  return spec;
}

/// Equal stages, forward as long as backward with update; on hardware each the gradient leaves at
/// the end, too.
MachinePlan equal_stages(int stages, bool separate_cores) {
  ChainOptions options;
  options.stages = stages;
  options.separate_cores = separate_cores;
  MachinePlan plan = chain(options);
  if (separate_cores) {
    plan.stages.back().backward_core = static_cast<int>(plan.cores.size());
    plan.cores.push_back(CorePlan{"turned", 1, static_cast<int>(plan.cores.size()), 1.0});
    for (StagePlan& stage : plan.stages) set_cost(stage, 10, 10, 0);
  }
  return plan;
}

std::map<std::int64_t, std::int64_t> turnaround_warm_up(std::int64_t d,
                                                        std::int64_t micro_batches) {
  std::map<std::int64_t, std::int64_t> h;
  for (std::int64_t i = 0; i < micro_batches; ++i) ++h[std::min(i, d)];
  return h;
}

TEST_CASE("turnaround: pipelined, N+2S-1 ticks, delay 2(S-1-k)+1, a set and a version more") {
  for (const int stages : kTurnaroundStages) {
    for (const bool stashing : {false, true}) {
      CAPTURE(stages, stashing);
      const int samples = 60;
      const MicroBatchPlan micro_batches(samples, 1, 1, 1);
      ScheduleSpec spec = turned(ScheduleKind::pipelined, Pacing::lockstep);
      spec.weight_stashing = stashing;
      const auto schedule = make_schedule(spec, stages, micro_batches);
      RecordingSink sink;
      const RunStatistics s = run(equal_stages(stages, true), spec, micro_batches, sink);
      CHECK(s.cycles == 10 * (samples + 2 * stages - 1));
      for (int k = 0; k < stages; ++k) {
        const int d = 2 * (stages - 1 - k) + 1;
        CAPTURE(k);
        CHECK(schedule->delay(k) == d);
        CHECK(s.stages[k].staleness.histogram == turnaround_warm_up(d, samples));
        CHECK(schedule->max_in_flight(k) == d + 1);
        CHECK(s.stages[k].peak_activation_samples == d + 1);
        CHECK(schedule->versions_kept(k) == (stashing ? d + 1 : 1));
        CHECK(s.stages[k].peak_stashed_versions == (stashing ? d : 0));
        CHECK(schedule->stage_delay(k).spectrain_forward == 2 * (stages - 1) - k + 1);
        CHECK(schedule->stage_delay(k).spectrain_backward == k);
      }
    }
  }
}

TEST_CASE("turnaround: elastic, equal stages have the closed form's delay on one core or on two") {
  for (const int stages : kTurnaroundStages) {
    for (const bool separate_cores : {false, true}) {
      CAPTURE(stages, separate_cores);
      const int samples = 20 * stages + 40;
      RecordingSink sink;
      const RunStatistics s = run(equal_stages(stages, separate_cores),
                                  turned(ScheduleKind::pipelined, Pacing::elastic),
                                  MicroBatchPlan(samples, 1, 1, 1), sink);
      for (int k = 0; k < stages; ++k) {
        CAPTURE(k);
        const auto delays = delays_of(sink, k);
        for (int i = samples / 4; i < 3 * samples / 4; ++i) {
          REQUIRE(delays[i] == 2 * (stages - 1 - k) + 1);
        }
      }
      CHECK(s.steady_cycles == s.steady_samples * (separate_cores ? 10 : 20));
    }
  }
}

TEST_CASE("turnaround: a first stage that holds one micro-batch is the sequential order still") {
  for (const Pacing pacing : {Pacing::lockstep, Pacing::elastic}) {
    ScheduleSpec spec = turned(ScheduleKind::pipelined, pacing);
    spec.max_in_flight = {1};
    RecordingSink sink;
    const RunStatistics s = run(equal_stages(4, false), spec, MicroBatchPlan(20, 1, 1, 1), sink);
    for (const StageStatistics& stage : s.stages) CHECK(stage.staleness.histogram.at(0) == 20);
  }
}

TEST_CASE("turnaround: fill_drain takes a tick more a mini-batch, and is not stale") {
  for (const int stages : kTurnaroundStages) {
    for (const int batch : {1, 4, 20}) {
      CAPTURE(stages, batch);
      const MicroBatchPlan micro_batches(40, 1, batch, 1);
      const ScheduleSpec spec = turned(ScheduleKind::fill_drain, Pacing::lockstep);
      RecordingSink sink;
      const RunStatistics s = run(equal_stages(stages, true), spec, micro_batches, sink);
      CHECK(s.cycles == 10 * (40 / batch) * (batch + 2 * stages - 1));
      const auto schedule = make_schedule(spec, stages, micro_batches);
      for (int k = 0; k < stages; ++k) {
        CHECK(s.stages[k].staleness.histogram.at(0) == 40);
        CHECK(schedule->activations_in_flight(k) == std::min(batch, 2 * (stages - 1 - k) + 2));
        CHECK(s.stages[k].peak_activation_samples == schedule->activations_in_flight(k));
      }
    }
  }
}

TEST_CASE("turnaround: hybrid is turned before the switch and sequential after it") {
  for (const Pacing pacing : {Pacing::lockstep, Pacing::elastic}) {
    ScheduleSpec spec = turned(ScheduleKind::hybrid, pacing);
    spec.switch_micro_batch = 40;
    RecordingSink sink;
    const RunStatistics s = run(equal_stages(4, true), spec, MicroBatchPlan(60, 1, 1, 1), sink);
    for (int k = 0; k < 4; ++k) {
      const auto delays = delays_of(sink, k);
      CHECK(delays[30] == 2 * (3 - k) + 1);
      for (int i = 40; i < 60; ++i) CHECK(delays[i] == 0);
    }
    CHECK(s.micro_batches == 60);
  }
}

TEST_CASE("turnaround: any machine ends, and a schedule without use for it refuses it") {
  for (int kind = 0; kind <= static_cast<int>(ScheduleKind::zero_bubble); ++kind) {
    CAPTURE(kind);
    ScheduleSpec spec = turned(static_cast<ScheduleKind>(kind), Pacing::elastic);
    const MicroBatchPlan micro_batches(24, 1, 3, 1);
    if (std::find(std::begin(kMeet), std::end(kMeet), spec.kind) == std::end(kMeet)) {
      CHECK_THROWS_WITH(make_schedule(spec, 3, micro_batches),
                        Catch::Contains("/pipeline/turnaround: found 1; "));
      continue;
    }
    for (const Pacing pacing : {Pacing::lockstep, Pacing::elastic}) {
      for (const int bound : {0, 1, 2, 3}) {
        spec.pacing = pacing;
        spec.max_in_flight.clear();
        if (bound > 0) spec.max_in_flight = {bound};
        MachinePlan plan = equal_stages(5, bound % 2 == 1);
        for (int k = 0; k < 5; ++k) set_cost(plan.stages[k], 3 + 7 * (k % 3), 2 + 5 * k, k);
        RecordingSink sink;
        require_completion(run(plan, spec, micro_batches, sink), micro_batches);
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
