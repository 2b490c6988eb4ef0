// SPDX-License-Identifier: Apache-2.0
// The machine in elastic pacing: what the hardware makes of the schedules.
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

ScheduleSpec elastic(ScheduleKind kind) { return schedule_spec(kind, Pacing::elastic); }

TEST_CASE("elastic: equal stages, forward as long as backward with update: 2(S-1-k) exactly") {
  for (const int stages : {1, 2, 3, 4, 8, 17}) {
    for (const bool separate_cores : {false, true}) {
      ChainOptions options;
      options.stages = stages;
      options.separate_cores = separate_cores;
      const int samples = 20 * stages + 40;
      RecordingSink sink;
      const RunStatistics s = run(chain(options), elastic(ScheduleKind::pipelined),
                                  MicroBatchPlan(samples, 1, 1, 1), sink);
      CAPTURE(stages, separate_cores);
      for (int k = 0; k < stages; ++k) {
        CAPTURE(k);
        const auto delays = delays_of(sink, k);
        REQUIRE(delays.size() == static_cast<std::size_t>(samples));
        for (int i = samples / 4; i < 3 * samples / 4; ++i) {
          REQUIRE(delays[i] == 2 * (stages - 1 - k));
        }
        CHECK(s.stages[k].cycles.total() == s.cycles);
        CHECK(s.stages[k].updates == samples);
      }
      // One sample for every forward and backward of the last stage, whose hardware does both.
      CHECK(s.steady_cycles == s.steady_samples * 20);
    }
  }
}

TEST_CASE("elastic: a first stage that holds one micro-batch is the sequential order") {
  MachinePlan plan = chain(ChainOptions{5});
  const MicroBatchPlan micro_batches(30, 1, 1, 1);
  RecordingSink limited, sequential;
  plan.stages[0].capacity_micro_batches = 1;
  const RunStatistics a = run(plan, elastic(ScheduleKind::pipelined), micro_batches, limited);
  plan.stages[0].capacity_micro_batches = kUnlimited<std::int64_t>;
  const RunStatistics b = run(plan, elastic(ScheduleKind::sequential), micro_batches, sequential);
  for (int k = 0; k < 5; ++k) {
    CHECK(limited.of_stage(k) == sequential.of_stage(k));
    CHECK(limited.of_stage(k).substr(0, 12) == "F0 B0! F1 B1");
    CHECK(a.stages[k].staleness.histogram.at(0) == 30);
    CHECK(b.stages[k].staleness.histogram.at(0) == 30);
  }
  // Only updates overlap with the backward of the stage before; the first stage's does not.
  CHECK(a.cycles == 30 * (5 * (10 + 6) + 4));
  CHECK(b.cycles == a.cycles);
  CHECK(a.stages[0].peak_activation_samples == 1);
}

TEST_CASE(
    "elastic: a buffer of B micro-batches bounds throughput by B/(2S-1) and staleness by B-1") {
  for (int b = 1; b <= 15; ++b) {
    MachinePlan plan = chain(ChainOptions{8, 5, 5, 0});
    plan.stages[0].capacity_micro_batches = b;
    RecordingSink sink;
    const RunStatistics s =
        run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(400, 1, 1, 1), sink);
    CAPTURE(b);
    // A round trip is at least 16 operations of 5 cycles, in which at most B micro-batches go
    // round.
    CHECK(s.cycles * b >= 400 * 80);
    CHECK(s.stages[0].peak_activation_samples <= b);
    for (int k = 0; k < 8; ++k) {
      CHECK(s.stages[k].staleness.histogram.rbegin()->first <= std::min(b - 1, 14 - 2 * k));
    }
  }
}

TEST_CASE("elastic: the slowest stage sets the steady rate, wherever it is") {
  for (int slow = 0; slow < 4; ++slow) {
    MachinePlan plan = chain(ChainOptions{4, 10, 6, 4});
    set_cost(plan.stages[slow], 30, 20, 7);
    const RunStatistics s =
        run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(400, 1, 1, 1));
    CAPTURE(slow);
    // The two ends of the steady part may fall into different phases of a sample.
    CHECK(std::abs(s.steady_cycles.count() - s.steady_samples * 57) < 57);
    const StageCycles& cycles = s.stages[slow].cycles;
    CHECK(cycles.busy() == 400 * 57);
    for (const auto& stage : s.stages) CHECK(stage.cycles.total() == s.cycles);
  }
}

TEST_CASE("elastic: stages before a slow one wait for its room, stages after it for its data") {
  MachinePlan plan = chain(ChainOptions{5});
  set_cost(plan.stages[2], 50, 30, 20);
  const RunStatistics s = run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(300, 1, 1, 1));
  // Everybody but the slow one is idle for 80 of 100 cycles.
  for (const int k : {3, 4}) CHECK(s.stages[k].cycles[CycleKind::stall_input] > 300 * 75);
  for (const int k : {3, 4}) CHECK(s.stages[k].cycles[CycleKind::stall_output] == 0);
  for (const int k : {0, 1}) {
    CHECK(s.stages[k].cycles[CycleKind::stall_output] + s.stages[k].cycles[CycleKind::stall_input] >
          300 * 75);
  }
  CHECK(s.stages[0].cycles[CycleKind::stall_output] > 0);
  CHECK(s.stages[2].cycles[CycleKind::stall_output] == 0);
}

TEST_CASE("elastic: cycles beyond an operation's compute cycles count as memory stalls") {
  MachinePlan plan = chain(ChainOptions{2});
  for (auto& stage : plan.stages) {
    stage.cost[0].forward.cycles += 3;
    stage.cost[0].update.cycles += 5;
  }
  const RunStatistics s = run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(50, 1, 1, 1));
  for (const auto& stage : s.stages) {
    CHECK(stage.cycles[CycleKind::stall_memory] == 50 * 8);
    CHECK(stage.cycles[CycleKind::forward] == 50 * 10);
    CHECK(stage.cycles[CycleKind::update] == 50 * 4);
    CHECK(stage.cycles.total() == s.cycles);
  }
}

TEST_CASE("elastic: a full own buffer counts as a memory stall of its stage") {
  MachinePlan plan = chain(ChainOptions{6});
  plan.stages[0].capacity_micro_batches = 2;
  const RunStatistics s = run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(100, 1, 1, 1));
  CHECK(s.stages[0].cycles[CycleKind::stall_memory] > s.cycles / 3);
  CHECK(s.stages[0].cycles[CycleKind::stall_input] <
        6 * 20);  // the last gradients, when the buffer empties
  CHECK(s.stages[1].cycles[CycleKind::stall_input] > 0);
}

TEST_CASE("elastic: synchronous schedules are never stale; gpipe does all forwards first") {
  for (const auto kind : {ScheduleKind::sequential, ScheduleKind::fill_drain, ScheduleKind::gpipe,
                          ScheduleKind::one_f_one_b_flush, ScheduleKind::zero_bubble}) {
    ChainOptions options;
    options.most_samples = 2;
    RecordingSink sink;
    const RunStatistics s = run(chain(options), elastic(kind), MicroBatchPlan(24, 2, 8, 2), sink);
    CAPTURE(static_cast<int>(kind));
    for (int k = 0; k < 4; ++k) {
      CHECK(s.stages[k].updates == 6);
      CHECK(s.stages[k].staleness.histogram.at(0) == 24);
      CHECK(s.stages[k].cycles.total() == s.cycles);
    }
    if (kind == ScheduleKind::gpipe) {
      CHECK(sink.of_stage(1, 8) == "F0 F1 F2 F3 B0 B1 B2 B3! ");
    }
  }
}

/// Cycles of one mini-batch beyond those in which stage 0 computes.
Cycles bubble_of(ScheduleKind kind, Cycles forward, Cycles input_gradient, Cycles weight_gradient,
                 int max_in_flight = 0) {
  constexpr int kStages = 5, kMicroBatches = 16;
  ScheduleSpec spec = elastic(kind);
  if (max_in_flight > 0) spec.max_in_flight = {max_in_flight};
  MachinePlan plan = chain(ChainOptions{kStages});
  const bool apart = kind == ScheduleKind::zero_bubble;
  for (StagePlan& stage : plan.stages) {
    set_cost(stage, forward, input_gradient + (apart ? 0 : weight_gradient), 0, 1,
             apart ? weight_gradient : 0);
  }
  const RunStatistics s = run(plan, spec, MicroBatchPlan(kMicroBatches, 1, kMicroBatches, 1));
  for (const StageStatistics& stage : s.stages) {
    CHECK(stage.cycles[CycleKind::backward] == kMicroBatches * (input_gradient + weight_gradient));
  }
  return s.cycles - kMicroBatches * (forward + input_gradient + weight_gradient);
}

TEST_CASE("elastic: bubbles of 1F1B, ZB-H1 and ZB-H2 are the published ones") {
  const Cycles cases[][3] = {{10, 10, 10}, {10, 20, 10}, {10, 15, 5}, {12, 18, 12}};
  for (const auto& [f, b, w] : cases) {
    CAPTURE(f, b, w);
    CHECK(bubble_of(ScheduleKind::one_f_one_b_flush, f, b, w) == 4 * (f + b + w));
    CHECK(bubble_of(ScheduleKind::zero_bubble, f, b, w) == 4 * (f + b - w));
    // Of a single mini-batch the last stage's wait for its first micro-batch remains.
    CHECK(bubble_of(ScheduleKind::zero_bubble, f, b, w, 9) == std::max(4 * (f + b - 2 * w), 4 * f));
  }
}

TEST_CASE("elastic: asynchronous schedules with bounds of their own have their own staleness") {
  for (const int stages : {2, 4, 8}) {
    ChainOptions options;
    options.stages = stages;
    const MicroBatchPlan micro_batches(200, 1, 1, 1);
    ScheduleSpec pipedream = elastic(ScheduleKind::one_f_one_b);
    pipedream.weight_stashing = true;
    ScheduleSpec synchronous = pipedream;
    synchronous.vertical_sync = true;
    RecordingSink a, b, c;
    const RunStatistics s = run(chain(options), pipedream, micro_batches, a);
    const RunStatistics v = run(chain(options), synchronous, micro_batches, b);
    const RunStatistics w = run(chain(options), elastic(ScheduleKind::two_buffered_weights),
                                MicroBatchPlan(200, 1, 10, 1), c);
    for (int k = 0; k < stages; ++k) {
      CAPTURE(stages, k);
      CHECK(delays_of(a, k)[100] == stages - 1 - k);
      CHECK(delays_of(b, k)[100] == stages - 1);
      CHECK(delays_of(c, k)[100] == 1);
      CHECK(s.stages[k].peak_stashed_versions == stages - 1 - k);
      CHECK(v.stages[k].peak_stashed_versions == stages - 1);
      CHECK(w.stages[k].peak_stashed_versions == 1);
    }
    CHECK(s.steady_cycles == s.steady_samples * 20);
  }
}

TEST_CASE("elastic: hybrid drains and goes on one micro-batch at a time") {
  ScheduleSpec spec = elastic(ScheduleKind::hybrid);
  spec.switch_micro_batch = 40;
  RecordingSink sink;
  run(chain(ChainOptions{4}), spec, MicroBatchPlan(60, 1, 1, 1), sink);
  const auto delays = delays_of(sink, 0);
  for (int i = 20; i < 40; ++i) CHECK(delays[i] == 6);
  for (int i = 40; i < 60; ++i) CHECK(delays[i] == 0);
}

TEST_CASE("elastic: on hardware each, an update is handed over when it completes") {
  ChainOptions options;
  options.stages = 2;
  options.separate_cores = true;
  RecordingSink sink;
  run(chain(options), elastic(ScheduleKind::pipelined), MicroBatchPlan(20, 1, 1, 1), sink);
  // Stage 0's forward can start while its backward runs; it reads what was complete then.
  CHECK(sink.of_stage(0).find("U0") != std::string::npos);
  CHECK(sink.of_stage(0).find("!") == std::string::npos);
  CHECK(sink.of_stage(1, 4) == "F0 B0! F1 B1! ");
}

TEST_CASE("elastic: stages can share a core; backward first, then the later stage") {
  MachinePlan plan = chain(ChainOptions{3});
  for (auto& stage : plan.stages) stage.forward_core = stage.backward_core = 0;
  plan.cores.resize(1);
  RecordingSink sink;
  const RunStatistics s =
      run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(30, 1, 1, 1), sink);
  CHECK(s.cycles == 30 * 3 * 20);  // one core, never without work
  for (const auto& stage : s.stages) {
    CHECK(stage.cycles.total() == s.cycles);
    CHECK(stage.cycles.busy() == 30 * 20);
  }
}

TEST_CASE("elastic: a sink that wants to stop ends the run there, the same every time") {
  Cycles cycles = 0;
  for (int turn = 0; turn < 2; ++turn) {
    RecordingSink sink;
    sink.stop_after = 101;
    const RunStatistics s = run(chain(ChainOptions{4}), elastic(ScheduleKind::pipelined),
                                MicroBatchPlan(1000, 1, 1, 1), sink);
    CHECK(s.stopped_early);
    CHECK(s.operations == 101);
    CHECK(sink.ops.size() == 101);
    CHECK(s.cycles < 101 * 20);
    for (const auto& stage : s.stages) CHECK(stage.cycles.total() == s.cycles);
    if (turn == 1) CHECK(s.cycles == cycles);
    cycles = s.cycles;
  }
}

class ThrowingSink : public OpSink {
 public:
  bool emit(const Op& op) override {
    if (op.micro_batch == 7) throw UserError("enough");
    return true;
  }
};

TEST_CASE("what the sink throws comes out of the simulation as it was") {
  for (const auto pacing : {Pacing::elastic, Pacing::lockstep}) {
    ThrowingSink sink;
    CHECK_THROWS_WITH(run(chain(ChainOptions{3}), schedule_spec(ScheduleKind::pipelined, pacing),
                          MicroBatchPlan(20, 1, 1, 1), sink),
                      "enough");
  }
}

TEST_CASE("a mini-batch too large for a buffer is a deadlock whose ring is named") {
  MachinePlan plan = chain(ChainOptions{3});
  plan.stages[1].capacity_micro_batches = 3;
  const MicroBatchPlan micro_batches(8, 1, 4, 1);
  RecordingSink sink;
  CHECK_THROWS_WITH(
      run(plan, elastic(ScheduleKind::gpipe), micro_batches, sink),
      Catch::Contains("deadlock") &&
          Catch::Contains(
              "stage 1 (s1) backward of micro-batch 0 waits for a gradient of stage 2") &&
          Catch::Contains("stage 2 (s2) backward of micro-batch 0 waits for the schedule") &&
          Catch::Contains(
              "stage 2 (s2) forward of micro-batch 3 waits for an activation of stage 1") &&
          Catch::Contains(
              "stage 1 (s1) forward of micro-batch 3 waits for a place in its own buffer "
              "of 3 micro-batches"));
  plan.stages[1].capacity_micro_batches = 4;
  CHECK(run(plan, elastic(ScheduleKind::gpipe), micro_batches, sink).micro_batches == 8);
}

TEST_CASE("a buffer that holds nothing is a deadlock, at the first stage and later") {
  for (int k = 0; k < 3; ++k) {
    MachinePlan plan = chain(ChainOptions{3});
    plan.stages[k].capacity_micro_batches = 0;
    RecordingSink sink;
    CHECK_THROWS_WITH(run(plan, elastic(ScheduleKind::pipelined), MicroBatchPlan(8, 1, 1, 1), sink),
                      Catch::Contains("deadlock") && Catch::Contains("buffer of 0 micro-batches"));
  }
}

}  // namespace
}  // namespace stagecoach
