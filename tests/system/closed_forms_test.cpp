// SPDX-License-Identifier: Apache-2.0
// Every schedule on the simulated machine in lockstep, against the closed forms of the literature:
// ticks, delays, weight versions and micro-batches in flight, for several depths and lengths, with
// mini-batches that need not divide the epoch. The formulas stand here once more, on their own.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

constexpr Cycles kTick = 10;
const int kStages[] = {1, 2, 3, 5, 8};

using Histogram = std::map<std::int64_t, std::int64_t>;

/// A schedule run in ticks of equal length.
struct Measured {
  int stages = 0;
  std::int64_t ticks = 0;
  RunStatistics statistics;
  RecordingSink sink;
  SpanRecorder spans;
  std::unique_ptr<Schedule> schedule;

  Measured(ScheduleSpec spec, int stage_count, const MicroBatchPlan& micro_batches)
      : stages(stage_count) {
    spec.pacing = Pacing::lockstep;
    schedule = make_schedule(spec, stages, micro_batches);
    ChainOptions options;
    options.stages = stages;
    options.most_samples = micro_batches.micro_batch_size();
    // Ticks of forward and backward: hardware each, and a last stage that does both in a tick.
    const bool both = schedule->tick_form() == TickForm::forward_and_backward;
    options.separate_cores = both;
    MachinePlan plan = chain(options);
    for (int k = 0; k < stages; ++k) {
      const Cycles cycles = both && k + 1 == stages ? kTick / 2 : kTick;
      set_cost(plan.stages[k], cycles, cycles, 0, options.most_samples, cycles);
      // A micro-batch takes its time whatever its size: ticks stay equal.
      plan.stages[k].cost.assign(plan.stages[k].cost.size(), plan.stages[k].cost.front());
    }
    SimulationOptions simulation;
    simulation.spans = &spans;
    statistics = run(plan, spec, micro_batches, sink, simulation);
    REQUIRE(statistics.cycles % kTick == 0);
    ticks = statistics.cycles / kTick;
  }

  /// Micro-batches whose forward has started and whose backward (its second half) has not, at most.
  std::int64_t most_in_flight(int stage) const {
    const StageOperation leaves =
        schedule->splits_backward() ? StageOperation::weight_gradient : StageOperation::backward;
    std::int64_t now = 0, most = 0;
    for (const SpanRecord& span : spans.spans) {
      if (span.stage != stage) continue;
      if (span.operation == StageOperation::forward) most = std::max(most, ++now);
      if (span.operation == leaves) --now;
    }
    return most;
  }
  std::int64_t versions(int stage) const {
    return statistics.stages[stage].peak_stashed_versions + 1;
  }
  const Histogram& delays(int stage) const { return statistics.stages[stage].staleness.histogram; }
};

ScheduleSpec spec_of(ScheduleKind kind, bool stashing = false, bool vertical_sync = false) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.weight_stashing = stashing;
  spec.vertical_sync = vertical_sync;
  return spec;
}

/// Delays while the pipeline fills, 0 to d-1, then d for all others.
Histogram warm_up_to(std::int64_t d, std::int64_t micro_batches) {
  Histogram h;
  for (std::int64_t i = 0; i < micro_batches; ++i) ++h[std::min(i, d)];
  return h;
}

/// Micro-batches of every mini-batch of a run.
std::vector<std::int64_t> batches_of(const MicroBatchPlan& micro_batches) {
  std::vector<std::int64_t> sizes;
  for (MicroBatchId p = 0; p < micro_batches.micro_batches(); p = micro_batches.at(p).batch_end) {
    sizes.push_back(micro_batches.at(p).batch_end - p);
  }
  return sizes;
}

/// Epochs, mini-batches and micro-batches, dividing each other or not.
const std::vector<MicroBatchPlan> kPlans = {{12, 1, 4, 1}, {12, 2, 4, 2},  {13, 2, 4, 1},
                                            {29, 1, 8, 3}, {30, 2, 16, 5}, {9, 3, 20, 1},
                                            {7, 1, 1, 1},  {40, 1, 10, 1}};

TEST_CASE("closed forms: pipelined, N+2S-2 ticks, delay and sets 2(S-1-k) and one more") {
  for (const int stages : kStages) {
    for (const int samples : {1, 3, 16, 60}) {
      for (const bool stashing : {false, true}) {
        CAPTURE(stages, samples, stashing);
        const MicroBatchPlan micro_batches(samples, 1, 1, 1);
        const Measured m(spec_of(ScheduleKind::pipelined, stashing), stages, micro_batches);
        CHECK(m.ticks == samples + 2 * stages - 2);
        for (int k = 0; k < stages; ++k) {
          const int d = 2 * (stages - 1 - k);
          CHECK(m.schedule->delay(k) == d);
          CHECK(m.delays(k) == warm_up_to(d, samples));
          CHECK(m.schedule->activations_in_flight(k) == d + 1);
          CHECK(m.most_in_flight(k) == std::min(samples, d + 1));
          CHECK(m.schedule->versions_kept(k) == (stashing ? d + 1 : 1));
          if (samples > 2 * d) CHECK(m.versions(k) == (stashing ? d + 1 : 1));
        }
      }
    }
  }
}

TEST_CASE("closed forms: one_f_one_b, 2(N+S-1) ticks, delay S-1-k, S-k versions and sets") {
  for (const int stages : kStages) {
    for (const int samples : {1, 3, 16, 60}) {
      CAPTURE(stages, samples);
      const MicroBatchPlan micro_batches(samples, 1, 1, 1);
      const Measured m(spec_of(ScheduleKind::one_f_one_b, true), stages, micro_batches);
      CHECK(m.ticks == 2 * (samples + stages - 1));
      for (int k = 0; k < stages; ++k) {
        const int d = stages - 1 - k;
        CHECK(m.schedule->delay(k) == d);
        CHECK(m.delays(k) == warm_up_to(d, samples));
        CHECK(m.schedule->versions_kept(k) == d + 1);
        CHECK(m.schedule->activations_in_flight(k) == d + 1);
        CHECK(m.most_in_flight(k) == std::min(samples, d + 1));
        if (samples > 2 * d) CHECK(m.versions(k) == d + 1);
      }
    }
  }
}

TEST_CASE("closed forms: one_f_one_b with vertical sync, delay S-1 and S versions everywhere") {
  for (const int stages : kStages) {
    for (const int samples : {1, 3, 16, 60}) {
      CAPTURE(stages, samples);
      const MicroBatchPlan micro_batches(samples, 1, 1, 1);
      const Measured m(spec_of(ScheduleKind::one_f_one_b, true, true), stages, micro_batches);
      CHECK(m.ticks == 2 * (samples + stages - 1));
      for (int k = 0; k < stages; ++k) {
        CHECK(m.schedule->delay(k) == stages - 1);
        CHECK(m.delays(k) == warm_up_to(stages - 1, samples));
        CHECK(m.schedule->versions_kept(k) == stages);
        if (samples > 2 * stages) CHECK(m.versions(k) == stages);
        CHECK(m.most_in_flight(k) == std::min(samples, stages - k));
      }
    }
  }
}

TEST_CASE("closed forms: two_buffered_weights, delay 1 and two versions whatever the depth") {
  for (const int stages : kStages) {
    for (const int per_batch : {stages, stages + 3, 3 * stages}) {
      for (const int mini_batches : {1, 2, 5}) {
        CAPTURE(stages, per_batch, mini_batches);
        const MicroBatchPlan micro_batches(mini_batches * per_batch, 1, per_batch, 1);
        const Measured m(spec_of(ScheduleKind::two_buffered_weights), stages, micro_batches);
        CHECK(m.ticks == 2 * (micro_batches.micro_batches() + stages - 1));
        Histogram expected{{0, per_batch}};
        if (mini_batches > 1) expected[1] = (mini_batches - 1) * per_batch;
        for (int k = 0; k < stages; ++k) {
          CHECK(m.delays(k) == expected);
          CHECK(m.schedule->versions_kept(k) == 2);
          CHECK(m.versions(k) == 2);
          CHECK(m.most_in_flight(k) <= stages - k);
        }
      }
    }
  }
}

TEST_CASE(
    "closed forms: two_buffered_weights with any mini-batches never exceeds its two versions") {
  for (const int stages : kStages) {
    for (const MicroBatchPlan& micro_batches : kPlans) {
      CAPTURE(stages, micro_batches.samples(), micro_batches.micro_batch_size());
      const Measured m(spec_of(ScheduleKind::two_buffered_weights), stages, micro_batches);
      for (int k = 0; k < stages; ++k) {
        CHECK(m.versions(k) <= 2);
        CHECK(m.delays(k).rbegin()->first <= 1);
        CHECK(m.statistics.stages[k].updates ==
              micro_batches.batches_per_epoch() * micro_batches.epochs());
      }
    }
  }
}

/// What the schedules that flush have in common: `ticks_of(n)` for a mini-batch of n micro-batches,
/// at most `sets_of(k)` in flight.
template <class Ticks, class Sets>
void check_flushing(ScheduleKind kind, Ticks ticks_of, Sets sets_of) {
  for (const int stages : kStages) {
    for (const MicroBatchPlan& micro_batches : kPlans) {
      CAPTURE(stages, micro_batches.samples(), micro_batches.micro_batch_size());
      const Measured m(spec_of(kind), stages, micro_batches);
      const std::vector<std::int64_t> batches = batches_of(micro_batches);
      std::int64_t ticks = 0;
      for (const std::int64_t n : batches) ticks += ticks_of(n, stages);
      CHECK(m.ticks == ticks);
      const std::int64_t largest = *std::max_element(batches.begin(), batches.end());
      for (int k = 0; k < stages; ++k) {
        CHECK(m.schedule->delay(k) == 0);
        CHECK(m.delays(k) == Histogram{{0, micro_batches.micro_batches()}});
        CHECK(m.schedule->versions_kept(k) == 1);
        CHECK(m.versions(k) == 1);
        CHECK(m.most_in_flight(k) == sets_of(largest, stages, k));
        CHECK(m.schedule->activations_in_flight(k) == m.most_in_flight(k));
        CHECK(m.statistics.stages[k].updates == static_cast<std::int64_t>(batches.size()));
      }
    }
  }
}

TEST_CASE("closed forms: sequential, 2S-1 ticks a micro-batch, one in flight") {
  check_flushing(
      ScheduleKind::sequential, [](std::int64_t n, int s) { return n * (2 * s - 1); },
      [](std::int64_t, int, int) { return 1; });
}

TEST_CASE("closed forms: fill_drain, n+2S-2 ticks a mini-batch, min(n, 2(S-1-k)+1) in flight") {
  check_flushing(
      ScheduleKind::fill_drain, [](std::int64_t n, int s) { return n + 2 * s - 2; },
      [](std::int64_t n, int s, int k) { return std::min<std::int64_t>(n, 2 * (s - 1 - k) + 1); });
}

TEST_CASE("closed forms: gpipe, 2(n+S-1) ticks a mini-batch, n in flight") {
  check_flushing(
      ScheduleKind::gpipe, [](std::int64_t n, int s) { return 2 * (n + s - 1); },
      [](std::int64_t n, int, int) { return n; });
}

TEST_CASE("closed forms: one_f_one_b_flush, gpipe's ticks, min(n, S-k) in flight") {
  check_flushing(
      ScheduleKind::one_f_one_b_flush, [](std::int64_t n, int s) { return 2 * (n + s - 1); },
      [](std::int64_t n, int s, int k) { return std::min<std::int64_t>(n, s - k); });
}

TEST_CASE("closed forms: zero_bubble, 2n+max(n,S)+S-1 ticks a mini-batch, min(n, S) in flight") {
  check_flushing(
      ScheduleKind::zero_bubble,
      [](std::int64_t n, int s) { return 2 * n + std::max<std::int64_t>(n, s) + s - 1; },
      [](std::int64_t n, int s, int) { return std::min<std::int64_t>(n, s); });
}

TEST_CASE("closed forms: zero_bubble with 2S-1 in flight, idle S-1 ticks in the whole run") {
  for (const int stages : kStages) {
    for (const int micro_batches : {2 * stages - 1, 3 * stages}) {
      CAPTURE(stages, micro_batches);
      ScheduleSpec spec = spec_of(ScheduleKind::zero_bubble);
      spec.max_in_flight = {2 * stages - 1};
      const Measured m(spec, stages, MicroBatchPlan(5 * micro_batches, 1, micro_batches, 1));
      CHECK(m.ticks == 3 * 5 * micro_batches + stages - 1);
      for (int k = 0; k < stages; ++k) {
        CHECK(m.delays(k) == Histogram{{0, 5 * micro_batches}});
        CHECK(m.most_in_flight(k) == 2 * stages - 1);
        CHECK(m.statistics.stages[k].updates == 5);
      }
    }
  }
}

TEST_CASE("closed forms: hybrid, pipelined before the switch and sequential after it") {
  for (const int stages : kStages) {
    for (const int samples : {20, 60}) {
      for (const int before : {0, 1, 7, 20, samples}) {
        CAPTURE(stages, samples, before);
        ScheduleSpec spec = spec_of(ScheduleKind::hybrid);
        spec.switch_micro_batch = before;
        const Measured m(spec, stages, MicroBatchPlan(samples, 1, 1, 1));
        const std::int64_t pipelined = before > 0 ? before + 2 * stages - 2 : 0;
        CHECK(m.ticks == pipelined + (samples - before) * (2 * stages - 1));
        for (int k = 0; k < stages; ++k) {
          Histogram expected = warm_up_to(2 * (stages - 1 - k), before);
          if (samples > before) expected[0] += samples - before;
          CHECK(m.delays(k) == expected);
          CHECK(m.versions(k) == 1);
        }
      }
    }
  }
}

TEST_CASE("closed forms: a mini-batch of N micro-batches divides the micro-batches between by N") {
  const int stages = 5;
  for (const auto kind : {ScheduleKind::pipelined, ScheduleKind::one_f_one_b}) {
    for (const int batch : {2, 3, 4, 9}) {
      CAPTURE(static_cast<int>(kind), batch);
      const int apart = kind == ScheduleKind::pipelined ? 2 : 1;
      const Measured m(spec_of(kind, true), stages, MicroBatchPlan(30 * batch, 1, batch, 1));
      for (int k = 0; k < stages; ++k) {
        const int micro_batches = apart * (stages - 1 - k);
        CHECK(m.schedule->delay(k) == (micro_batches + batch - 1) / batch);
        CHECK(m.delays(k).rbegin()->first == m.schedule->delay(k));
        // Past the warm-up, in every mini-batch of `batch` micro-batches, micro-batches of them in
        // all.
        const auto all = delays_of(m.sink, k);
        std::int64_t middle = 0;
        for (int p = 15 * batch; p < 16 * batch; ++p) middle += all[p];
        CHECK(middle == micro_batches);
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
