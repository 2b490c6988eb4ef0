// SPDX-License-Identifier: Apache-2.0
// Many machines drawn at random (always the same ones): whatever they look like, every micro-batch
// goes down and comes back once, data is made before it is used, and no cycle or byte is lost.
#include <catch2/catch.hpp>

#include "tests/system/random_machine.h"

namespace stagecoach {
namespace {

void check_order(const MachinePlan& plan, const MicroBatchPlan& micro_batches,
                 const RecordingSink& sink) {
  const std::size_t stages = plan.stages.size();
  std::vector<MicroBatchId> forwards(stages, 0), backwards(stages, 0);
  std::vector<std::int64_t> updates(stages, 0);
  for (const Op& op : sink.ops) {
    const auto k = static_cast<std::size_t>(op.stage);
    if (op.pass == Pass::forward) {
      REQUIRE(op.micro_batch == forwards[k]++);
      for (std::size_t j = 0; j < k; ++j) {
        for (const Message& m : plan.stages[j].forward_messages) {
          if (m.to_stage == op.stage) REQUIRE(forwards[j] > op.micro_batch);
        }
      }
    } else if (is_backward(op.pass)) {
      REQUIRE(op.micro_batch == backwards[k]++);
      REQUIRE(forwards[k] > op.micro_batch);
      for (const Message& m : plan.stages[k].forward_messages) {
        REQUIRE(backwards[static_cast<std::size_t>(m.to_stage)] > op.micro_batch);
      }
      if (op.pass == Pass::backward_with_update)
        REQUIRE(micro_batches.at(op.micro_batch).last_of_batch);
    }
    if (makes_version(op.pass)) ++updates[k];
  }
  for (std::size_t k = 0; k < stages; ++k) {
    REQUIRE(backwards[k] == micro_batches.micro_batches());
    REQUIRE(updates[k] == micro_batches.epochs() * micro_batches.batches_per_epoch());
  }
}

/// The series over time (memory.csv) reaches the peaks of the summary.
void check_memory_series(const StageStatistics& stage, int micro_batch_size) {
  MemorySample most;
  for (const MemorySample& sample : stage.memory) {
    most.activation_micro_batches =
        std::max(most.activation_micro_batches, sample.activation_micro_batches);
    most.gradient_micro_batches =
        std::max(most.gradient_micro_batches, sample.gradient_micro_batches);
    most.stashed_versions = std::max(most.stashed_versions, sample.stashed_versions);
  }
  REQUIRE(most.stashed_versions == stage.peak_stashed_versions);
  REQUIRE(most.activation_micro_batches * micro_batch_size >= stage.peak_activation_samples);
  REQUIRE(most.gradient_micro_batches * micro_batch_size >= stage.peak_gradient_samples);
  if (micro_batch_size > 1) return;  // the last one of a batch may be smaller
  REQUIRE(most.activation_micro_batches == stage.peak_activation_samples);
  REQUIRE(most.gradient_micro_batches == stage.peak_gradient_samples);
}

TEST_CASE("invariants: any machine, any schedule, either pacing") {
  for (int turn = 0; turn < 600; ++turn) {
    Draw draw(turn);
    const int batch = draw(1, 6), micro = draw(1, batch);
    const MicroBatchPlan micro_batches(draw(3, 30), draw(1, 2), batch, micro);
    const MachinePlan plan = random_machine(draw, micro);
    ScheduleSpec spec =
        schedule_spec(kKinds[draw(0, 8)], draw(0, 2) == 0 ? Pacing::lockstep : Pacing::elastic);
    spec.weight_stashing = draw(0, 1) == 1;
    spec.vertical_sync = spec.kind == ScheduleKind::one_f_one_b && draw(0, 1) == 1;
    spec.switch_micro_batch = micro_batches.micro_batches() / 2;
    CAPTURE(turn, static_cast<int>(spec.kind), static_cast<int>(spec.pacing));
    RecordingSink sink;
    const RunStatistics s = run(plan, spec, micro_batches, sink);
    check_order(plan, micro_batches, sink);
    REQUIRE(s.micro_batches == micro_batches.micro_batches());
    REQUIRE(s.samples == micro_batches.samples());
    REQUIRE(s.operations == static_cast<std::int64_t>(sink.ops.size()));
    REQUIRE(s.epochs.size() == static_cast<std::size_t>(micro_batches.epochs()));
    const auto schedule = make_schedule(spec, static_cast<int>(plan.stages.size()), micro_batches);
    for (std::size_t k = 0; k < plan.stages.size(); ++k) {
      const StageStatistics& stage = s.stages[k];
      REQUIRE(stage.cycles.total() == s.cycles);
      REQUIRE(stage.staleness.count() == micro_batches.micro_batches());
      check_memory_series(stage, micro);
      StageCycles windows;
      std::int64_t counted = 0;
      for (const StageWindow& w : stage.windows) {
        windows[CycleKind::forward] += w.cycles[CycleKind::forward];
        windows[CycleKind::idle] += w.cycles.total() - w.cycles[CycleKind::forward];
        counted += w.micro_batches;
      }
      REQUIRE(windows.total() == s.cycles);
      REQUIRE(windows[CycleKind::forward] == stage.cycles[CycleKind::forward]);
      REQUIRE(counted == micro_batches.micro_batches());
      const auto measured = delays_of(sink, static_cast<int>(k));
      for (const auto& [delay, n] : stage.staleness.histogram) {
        REQUIRE(std::count(measured.begin(), measured.end(), delay) == n);
      }
      if (spec.kind == ScheduleKind::pipelined) {
        REQUIRE(stage.staleness.histogram.rbegin()->first <= schedule->max_in_flight(k) - 1);
      }
    }
    for (const LinkStatistics& link : s.links) REQUIRE(link.busy_cycles <= s.cycles);
  }
}

TEST_CASE(
    "invariants: more room in the queues or the buffers costs no cycles where stages are alike") {
  for (const int stages : {2, 5, 9}) {
    Cycles before = kUnlimited<std::int64_t>;
    for (int b = 1; b <= 2 * stages + 1; ++b) {
      ChainOptions options;
      options.stages = stages;
      MachinePlan plan = chain(options);
      plan.stages[0].capacity_micro_batches = b;
      const Cycles cycles = run(plan, schedule_spec(ScheduleKind::pipelined, Pacing::elastic),
                                MicroBatchPlan(200, 1, 1, 1))
                                .cycles;
      CAPTURE(stages, b);
      CHECK(cycles <= before);
      before = cycles;
    }
    for (int q = 1; q < 6; ++q) {
      ChainOptions options;
      options.stages = stages;
      options.input_queue_micro_batches = q;
      const Cycles cycles =
          run(chain(options), schedule_spec(ScheduleKind::pipelined, Pacing::elastic),
              MicroBatchPlan(200, 1, 1, 1))
              .cycles;
      if (q > 1) CHECK(cycles <= before);
      before = cycles;
    }
  }
}

TEST_CASE("invariants: the series stay within their bounds and cover the run") {
  SimulationOptions options;
  options.max_windows = 64;
  options.max_memory_points = 100;
  RecordingSink sink;
  const RunStatistics s =
      run(chain(ChainOptions{5}), schedule_spec(ScheduleKind::pipelined, Pacing::elastic),
          MicroBatchPlan(5000, 1, 1, 1), sink, options);
  for (const StageStatistics& stage : s.stages) {
    CHECK(stage.windows.size() <= 64);
    CHECK(stage.windows.size() > 30);
    CHECK(stage.memory.size() <= 100);
    CHECK(stage.memory.size() > 45);
    std::int64_t most = 0;
    for (std::size_t i = 0; i < stage.memory.size(); ++i) {
      most = std::max(most, stage.memory[i].activation_micro_batches);
      if (i > 0) CHECK(stage.memory[i].time > stage.memory[i - 1].time);
    }
    CHECK(most <= stage.peak_activation_samples);
    CHECK(most >= stage.peak_activation_samples - 1);
  }
}

}  // namespace
}  // namespace stagecoach
