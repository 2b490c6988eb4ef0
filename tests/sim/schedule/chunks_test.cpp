// SPDX-License-Identifier: Apache-2.0
// Schedules over chunks against tables that a separate script worked out and closed forms.
#include <catch2/catch.hpp>
#include <string>

#include "models/base/error.h"
#include "tests/sim/schedule/order_tracker.h"

namespace stagecoach {
namespace {

ScheduleSpec interleaved_spec(int chunks_per_core) {
  ScheduleSpec spec = lockstep_spec(ScheduleKind::interleaved_one_f_one_b);
  spec.chunks_per_core = chunks_per_core;
  return spec;
}

ScheduleSpec v_spec() { return lockstep_spec(ScheduleKind::zero_bubble_v); }

/// What each core does tick by tick, "F2.0" for the forward of micro-batch 0 in stage 2; "." idle.
/// Fails if a core does two operations in a tick.
std::vector<std::string> tick_table(const ScheduleSpec& spec, int stages, int micro_batches) {
  const MicroBatchPlan plan(micro_batches, 1, micro_batches, 1);
  const auto schedule = make_schedule(spec, stages, plan);
  LockstepOrder order(*schedule, plan, stages);
  std::vector<std::string> rows(static_cast<std::size_t>(schedule->cores()));
  std::vector<TickOperation> ops;
  while (order.next_tick(ops)) {
    std::vector<std::string> cells(rows.size(), ".");
    for (const TickOperation& op : ops) {
      std::string& cell = cells.at(static_cast<std::size_t>(schedule->core_of(op.stage)));
      REQUIRE(cell == ".");
      cell = op.operation == StageOperation::forward    ? "F"
             : op.operation == StageOperation::backward ? "B"
                                                        : "W";
      cell += std::to_string(op.stage) + "." + std::to_string(op.micro_batch);
    }
    for (std::size_t core = 0; core < rows.size(); ++core)
      rows[core] += (rows[core].empty() ? "" : " ") + cells[core];
  }
  return rows;
}

TEST_CASE(
    "interleaved: two cores, two chunks, four micro-batches, tick by tick as a separate script has "
    "it") {
  const std::vector<std::string> rows = tick_table(interleaved_spec(2), 4, 4);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] ==
        "F0.0 F0.1 F2.0 F2.1 F0.2 B2.0 F0.3 B2.1 F2.2 B0.0 F2.3 B0.1 . B2.2 . B2.3 B0.2 B0.3");
  CHECK(rows[1] ==
        ". F1.0 F1.1 F3.0 B3.0 F3.1 B3.1 F1.2 B1.0 F1.3 B1.1 F3.2 B3.2 F3.3 B3.3 B1.2 B1.3 .");
}

TEST_CASE("interleaved: three cores, the first group takes what the number of cores leaves over") {
  const std::vector<std::string> rows = tick_table(interleaved_spec(2), 6, 4);
  REQUIRE(rows.size() == 3);
  // One group of four: warm-ups of 2(P-1-r)+4 = 8, 6 and 4 of the eight forwards.
  CHECK(rows[0] ==
        "F0.0 F0.1 F0.2 F0.3 F3.0 F3.1 F3.2 F3.3 . B3.0 . B3.1 . B3.2 . B3.3 B0.0 B0.1 B0.2 B0.3");
  CHECK(rows[1] ==
        ". F1.0 F1.1 F1.2 F1.3 F4.0 F4.1 F4.2 B4.0 F4.3 B4.1 . B4.2 . B4.3 B1.0 B1.1 B1.2 B1.3 .");
  CHECK(rows[2] ==
        ". . F2.0 F2.1 F2.2 F2.3 F5.0 B5.0 F5.1 B5.1 F5.2 B5.2 F5.3 B5.3 B2.0 B2.1 B2.2 B2.3 . .");
}

TEST_CASE("interleaved: 2(VM+P-1) ticks a mini-batch, delay zero, for any M from P on") {
  for (const int cores : {1, 2, 3, 4, 7}) {
    for (const int chunks : {2, 3, 4}) {
      for (const int micro_batches : {1, 2, 3, 4, 5, 7, 8, 9, 16, 23}) {
        CAPTURE(cores, chunks, micro_batches);
        const int stages = cores * chunks;
        const Measured m = measure(interleaved_spec(chunks), stages,
                                   MicroBatchPlan(2 * micro_batches, 1, micro_batches, 1));
        // Fewer than P micro-batches go through as under gpipe.
        const int ticks = micro_batches < cores ? 2 * (micro_batches + stages - 1)
                                                : 2 * (chunks * micro_batches + cores - 1);
        CHECK(m.ticks == 2 * ticks);
        for (int k = 0; k < stages; ++k) {
          CHECK(m.stages[k].updates == 2);
          CHECK(m.schedule->versions_kept(k) == 1);
          CHECK(m.stages[k].peak_in_flight == m.schedule->activations_in_flight(k));
          for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
        }
      }
    }
  }
}

TEST_CASE("interleaved: idle time is 1/V of one_f_one_b_flush's on as many cores") {
  for (const int chunks : {2, 3, 4}) {
    constexpr int kCores = 4, kMicroBatches = 12;
    const MicroBatchPlan plan(kMicroBatches, 1, kMicroBatches, 1);
    const auto flush = measure(lockstep_spec(ScheduleKind::one_f_one_b_flush), kCores, plan);
    const auto chunked = measure(interleaved_spec(chunks), kCores * chunks, plan);
    // A chunk's tick is 1/V of a whole stage's.
    const auto idle = flush.ticks - 2 * kMicroBatches;
    CHECK(idle == 2 * (kCores - 1));
    CHECK(chunked.ticks - 2 * chunks * kMicroBatches == idle);
  }
}

/// Chunks that a core holds between forward and the end of their backward, at most.
std::vector<int> chunks_held(const Schedule& schedule, int micro_batches) {
  std::vector<int> most;
  for (int core = 0; core < schedule.cores(); ++core) {
    int now = 0, peak = 0;
    for (const ListedOperation& op : schedule.core_order(core, micro_batches)) {
      if (op.operation == StageOperation::forward) peak = std::max(peak, ++now);
      if (op.operation ==
          (schedule.splits_backward() ? StageOperation::weight_gradient : StageOperation::backward))
        --now;
    }
    most.push_back(peak);
  }
  return most;
}

TEST_CASE("interleaved: core r holds 2(P-1-r)+(V-1)P+1 chunks") {
  for (const int cores : {2, 4}) {
    for (const int chunks : {2, 3}) {
      const int micro_batches = 3 * cores;
      const auto schedule = make_schedule(interleaved_spec(chunks), cores * chunks,
                                          MicroBatchPlan(micro_batches, 1, micro_batches, 1));
      const std::vector<int> held = chunks_held(*schedule, micro_batches);
      for (int r = 0; r < cores; ++r)
        CHECK(held[r] == 2 * (cores - 1 - r) + (chunks - 1) * cores + 1);
    }
  }
}

TEST_CASE(
    "zero_bubble_v: two cores, four micro-batches, tick by tick as a separate script has it") {
  const std::vector<std::string> rows = tick_table(v_spec(), 4, 4);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] ==
        "F0.0 F0.1 F0.2 F3.0 B3.0 W3.0 F3.1 B3.1 W3.1 F0.3 B0.0 W0.0 F3.2 B3.2 W3.2 B0.1 W0.1 "
        "F3.3 B3.3 W3.3 B0.2 W0.2 B0.3 W0.3 .");
  CHECK(rows[1] ==
        ". F1.0 F2.0 F1.1 F2.1 B2.0 W2.0 F1.2 B1.0 W1.0 F2.2 B2.1 W2.1 F1.3 B1.1 W1.1 F2.3 B2.2 "
        "W2.2 B1.2 B2.3 B1.3 W1.2 W2.3 W1.3");
}

TEST_CASE("zero_bubble_v: no core is idle between its first and its last operation") {
  for (const int cores : {1, 2, 3, 4, 8}) {
    for (const int micro_batches : {2 * cores - 1, 2 * cores, 5 * cores}) {
      CAPTURE(cores, micro_batches);
      const int stages = 2 * cores;
      const Measured m =
          measure(v_spec(), stages, MicroBatchPlan(3 * micro_batches, 1, micro_batches, 1));
      CHECK(m.ticks == 3 * 6 * micro_batches + cores - 1);
      for (int k = 0; k < stages; ++k) {
        CHECK(m.stages[k].updates == 3);
        CHECK(m.stages[k].peak_in_flight == m.schedule->activations_in_flight(k));
        for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
      }
      // Halves of what a stage of one_f_one_b_flush holds: its first core's P sets, on every core.
      for (const int held : chunks_held(*m.schedule, micro_batches))
        CHECK(held == std::min(2 * micro_batches, 2 * cores));
    }
  }
}

TEST_CASE("schedules over chunks take mini-batches of any size, and short ones that end epochs") {
  for (const int cores : {1, 2, 3, 5}) {
    for (int samples = 1; samples <= 19; ++samples) {
      for (const int batch : {1, 2, 5, 8}) {
        CAPTURE(cores, samples, batch);
        const MicroBatchPlan plan(samples, 2, batch, 1);
        for (const ScheduleSpec& spec : {interleaved_spec(3), v_spec()}) {
          const int stages = cores * (spec.kind == ScheduleKind::zero_bubble_v ? 2 : 3);
          const Measured m = measure(spec, stages, plan);
          for (int k = 0; k < stages; ++k) {
            CHECK(m.stages[k].peak_in_flight <= m.schedule->activations_in_flight(k));
            for (const auto delay : m.stages[k].delays) CHECK(delay == 0);
          }
        }
      }
    }
  }
}

TEST_CASE(
    "stages that do not come out even, and bounds in flight, are refused with what is allowed") {
  const MicroBatchPlan plan(8, 1, 8, 1);
  CHECK_THROWS_WITH(make_schedule(interleaved_spec(3), 7, plan),
                    Catch::Contains("/pipeline/chunks_per_core") && Catch::Contains("cut into 7") &&
                        Catch::Contains("6 or 9 stages"));
  CHECK_THROWS_WITH(make_schedule(v_spec(), 1, plan),
                    Catch::Contains("/pipeline/schedule") && Catch::Contains("allowed: 2 stages"));
  for (ScheduleSpec spec : {interleaved_spec(2), v_spec()}) {
    spec.max_in_flight = {4};
    CHECK_THROWS_WITH(make_schedule(spec, 4, plan), Catch::Contains("/pipeline/max_in_flight"));
    spec.max_in_flight.clear();
    spec.turnaround = 1;
    CHECK_THROWS_WITH(make_schedule(spec, 4, plan), Catch::Contains("/pipeline/turnaround"));
  }
}

TEST_CASE("a buffer too small for the listed order is told as a deadlock, not waited for") {
  const MicroBatchPlan plan(8, 1, 8, 1);
  CHECK_THROWS_WITH(measure(interleaved_spec(2), 4, plan, {2, 2, 2, 2}),
                    Catch::Contains("deadlock"));
}

}  // namespace
}  // namespace stagecoach
