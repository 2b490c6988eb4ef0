// SPDX-License-Identifier: Apache-2.0
// The machine in lockstep: the papers' schedule, exactly, with ticks as long as their longest
// stage.
#include <catch2/catch.hpp>

#include "sim/schedule/lockstep.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

ScheduleSpec lockstep(ScheduleKind kind) { return schedule_spec(kind, Pacing::lockstep); }

TEST_CASE("lockstep pipelined: N+2S-2 ticks, staleness min(i, 2(S-1-k)), 2(S-1-k)+1 held") {
  for (const int stages : {1, 2, 4, 8}) {
    ChainOptions options;
    options.stages = stages;
    const int samples = 60;
    RecordingSink sink;
    const RunStatistics s = run(chain(options), lockstep(ScheduleKind::pipelined),
                                MicroBatchPlan(samples, 1, 1, 1), sink);
    CAPTURE(stages);
    // A tick in which some stage does both operations lasts 20 cycles; before the first backward
    // (one stage: never) ticks only hold forwards, at the end only backwards.
    const Cycles fill = (stages - 1) * 10, drain = (stages - 1) * 10;
    CHECK(s.cycles == fill + samples * 20 + drain);
    CHECK(s.micro_batches == samples);
    CHECK(s.samples == samples);
    CHECK(s.operations == static_cast<std::int64_t>(sink.ops.size()));
    for (int k = 0; k < stages; ++k) {
      const int delay = 2 * (stages - 1 - k);
      const auto delays = delays_of(sink, k);
      REQUIRE(delays.size() == static_cast<std::size_t>(samples));
      for (int i = 0; i < samples; ++i) REQUIRE(delays[i] == std::min(i, delay));
      const StageStatistics& stage = s.stages[k];
      CHECK(stage.peak_activation_samples == delay + 1);
      CHECK(stage.peak_gradient_samples == 1);
      CHECK(stage.updates == samples);
      CHECK(stage.cycles.total() == s.cycles);
      CHECK(stage.cycles[CycleKind::forward] == samples * 10);
      CHECK(stage.cycles[CycleKind::backward] == samples * 6);
      CHECK(stage.cycles[CycleKind::update] == samples * 4);
      CHECK(stage.staleness.histogram.rbegin()->first == delay);
      CHECK(stage.staleness.count() == samples);
    }
  }
}

TEST_CASE("lockstep hands over exactly the clock-free order, for every schedule") {
  for (const auto kind :
       {ScheduleKind::sequential, ScheduleKind::fill_drain, ScheduleKind::gpipe,
        ScheduleKind::one_f_one_b_flush, ScheduleKind::pipelined, ScheduleKind::one_f_one_b,
        ScheduleKind::two_buffered_weights, ScheduleKind::hybrid, ScheduleKind::zero_bubble}) {
    for (const bool vertical_sync : {false, true}) {
      if (vertical_sync && kind != ScheduleKind::one_f_one_b) continue;
      ScheduleSpec spec = lockstep(kind);
      spec.vertical_sync = vertical_sync;
      spec.switch_micro_batch = 12;
      const MicroBatchPlan micro_batches(22, 2, 8, 2);
      ChainOptions options;
      options.stages = 3;
      options.most_samples = 2;
      const auto schedule = make_schedule(spec, 3, micro_batches);
      RecordingSink clocked, free;
      const RunStatistics s = run(chain(options), spec, micro_batches, clocked);
      run_lockstep_order(*schedule, micro_batches, 3, free);
      REQUIRE(clocked.ops.size() == free.ops.size());
      for (std::size_t i = 0; i < free.ops.size(); ++i) {
        REQUIRE(clocked.ops[i].micro_batch == free.ops[i].micro_batch);
        REQUIRE(clocked.ops[i].stage == free.ops[i].stage);
        REQUIRE(clocked.ops[i].pass == free.ops[i].pass);
        REQUIRE(clocked.ops[i].version == free.ops[i].version);
      }
      for (const auto& stage : s.stages) CHECK(stage.cycles.total() == s.cycles);
      CHECK(s.epochs.size() == 2);
      CHECK(s.epochs.back().end_cycle == s.cycles);
    }
  }
}

TEST_CASE("lockstep fill_drain of N samples on S stages takes N+2S-2 ticks") {
  ChainOptions options;
  options.stages = 5;
  // Forward and backward on hardware each, so that every tick lasts 10 cycles, except the last
  // stage's, which does both on one core in the same tick.
  options.separate_cores = true;
  options.forward = 10;
  options.backward = 10;
  options.update = 0;
  MachinePlan plan = chain(options);
  set_cost(plan.stages.back(), 5, 5, 0);
  const RunStatistics s = run(plan, lockstep(ScheduleKind::fill_drain), MicroBatchPlan(7, 1, 7, 1));
  CHECK(s.cycles == (7 + 2 * 5 - 2) * 10);
  for (const auto& stage : s.stages) {
    CHECK(stage.cycles.total() == s.cycles);
    CHECK(stage.staleness.mean() == 0.0);
    CHECK(stage.updates == 1);
  }
}

TEST_CASE("lockstep: a first stage that holds B samples, the published rows") {
  MachinePlan plan = chain(ChainOptions{8, 5, 5, 0});
  const MicroBatchPlan micro_batches(400, 1, 1, 1);
  for (const int b : {15, 1}) {
    plan.stages[0].capacity_micro_batches = b;
    RecordingSink sink;
    const RunStatistics s = run(plan, lockstep(ScheduleKind::pipelined), micro_batches, sink);
    for (int k = 0; k < 8; ++k) {
      CHECK(delays_of(sink, k)[200] == (b == 15 ? 14 - 2 * k : 0));
    }
    CHECK(s.stages[0].peak_activation_samples == b);
    // One sample: fourteen ticks of one operation and the last stage's tick of two, 16 x 5 cycles.
    if (b == 1) CHECK(s.cycles == 400 * 80);
    // Fifteen: 7 ticks of one operation at either end, 400 of two.
    if (b == 15) CHECK(s.cycles == 14 * 5 + 400 * 10);
  }
}

TEST_CASE("lockstep: with small buffers the machine's order is the clock-free one's, too") {
  for (int turn = 0; turn < 20; ++turn) {
    MachinePlan plan = chain(ChainOptions{6});
    std::vector<std::int64_t> capacity;
    for (StagePlan& stage : plan.stages) {
      stage.capacity_micro_batches = 1 + (turn * 7 + static_cast<int>(capacity.size()) * 5) % 6;
      capacity.push_back(stage.capacity_micro_batches);
    }
    const MicroBatchPlan micro_batches(50, 1, 1, 1);
    const ScheduleSpec spec = lockstep(ScheduleKind::pipelined);
    const auto schedule = make_schedule(spec, 6, micro_batches);
    RecordingSink clocked, free;
    const RunStatistics s = run(plan, spec, micro_batches, clocked);
    run_lockstep_order(*schedule, micro_batches, 6, free, capacity);
    for (int k = 0; k < 6; ++k) {
      CHECK(clocked.of_stage(k) == free.of_stage(k));
      CHECK(s.stages[k].peak_activation_samples <= capacity[k]);
      CHECK(s.stages[k].cycles.total() == s.cycles);
    }
  }
}

TEST_CASE("lockstep: versions stashed and gradients are the closed form's") {
  for (const int stages : {2, 4, 7}) {
    ScheduleSpec spec = lockstep(ScheduleKind::pipelined);
    spec.weight_stashing = true;
    ChainOptions options;
    options.stages = stages;
    const MicroBatchPlan micro_batches(80, 1, 1, 1);
    const RunStatistics s = run(chain(options), spec, micro_batches);
    const auto schedule = make_schedule(spec, stages, micro_batches);
    ScheduleSpec pipedream = lockstep(ScheduleKind::one_f_one_b);
    pipedream.vertical_sync = true;
    const RunStatistics v = run(chain(options), pipedream, micro_batches);
    const auto synchronous = make_schedule(pipedream, stages, micro_batches);
    ScheduleSpec two = lockstep(ScheduleKind::two_buffered_weights);
    const RunStatistics w = run(chain(options), two, MicroBatchPlan(80, 1, 8, 1));
    for (int k = 0; k < stages; ++k) {
      CHECK(s.stages[k].peak_stashed_versions + 1 == schedule->versions_kept(k));
      CHECK(v.stages[k].peak_stashed_versions + 1 == synchronous->versions_kept(k));
      CHECK(w.stages[k].peak_stashed_versions + 1 == 2);
      CHECK(s.stages[k].staleness.backward_sum == 0);
      CHECK(v.stages[k].staleness.histogram.rbegin()->first == stages - 1);
      CHECK(w.stages[k].staleness.histogram.at(1) == 72);
      CHECK(w.stages[k].staleness.histogram.at(0) == 8);
    }
  }
}

TEST_CASE("lockstep: a slow host and slow links lengthen the ticks") {
  ChainOptions options;
  options.stages = 3;
  options.bytes_per_sample = 100;
  MachinePlan plan = chain(options);
  plan.interconnect = {InterconnectKind::point_to_point, 4.0, 3, 1, 3};
  const MicroBatchPlan micro_batches(20, 1, 1, 1);
  const RunStatistics links = run(plan, lockstep(ScheduleKind::pipelined), micro_batches);
  // A message takes 3 + 25. Two ticks of forwards alone; then 20 in which the last stage makes a
  // gradient at 10 + 6; then one whose only gradient is made at 6; then one backward at stage 0.
  CHECK(links.cycles == 2 * (10 + 28) + 20 * (16 + 28) + (6 + 28) + 10);
  plan.interconnect = {};
  plan.host.bytes_per_cycle = 2.0;
  plan.host.latency_cycles = 5;
  const RunStatistics host = run(plan, lockstep(ScheduleKind::pipelined), micro_batches);
  CHECK(host.host_bytes == 2000);
  CHECK(host.cycles >= 20 * 50 + 5);
  for (const auto& stage : host.stages) CHECK(stage.cycles.total() == host.cycles);
}

TEST_CASE("lockstep: waiting for room is booked to the buffer that is full, as in elastic pacing") {
  const ScheduleSpec spec = schedule_spec(ScheduleKind::pipelined, Pacing::lockstep);
  const MicroBatchPlan micro_batches(100, 1, 1, 1);
  MachinePlan plan = chain(ChainOptions{5});
  RunStatistics s = run(plan, spec, micro_batches);
  for (const StageStatistics& stage : s.stages) {
    CHECK(stage.cycles[CycleKind::stall_memory] == 0);
    CHECK(stage.cycles[CycleKind::stall_output] == 0);
  }
  // Three micro-batches go round a pipeline of nine ticks: in six of nine stage 0 does nothing
  // forward.
  plan.stages[0].capacity_micro_batches = 3;
  s = run(plan, spec, micro_batches);
  CHECK(s.stages[0].cycles[CycleKind::stall_memory] > s.cycles / 2);
  CHECK(s.stages[0].cycles[CycleKind::stall_output] == 0);
  for (int k = 1; k < 5; ++k) CHECK(s.stages[k].cycles[CycleKind::stall_memory] == 0);
  // The full buffer of stage 2 keeps it waiting, and stage 1 with its output.
  plan.stages[0].capacity_micro_batches = kUnlimited<std::int64_t>;
  plan.stages[2].capacity_micro_batches = 2;
  s = run(plan, spec, micro_batches);
  CHECK(s.stages[2].cycles[CycleKind::stall_memory] > s.cycles / 4);
  CHECK(s.stages[1].cycles[CycleKind::stall_output] > s.cycles / 4);
  CHECK(s.stages[3].cycles[CycleKind::stall_memory] == 0);
  CHECK(s.stages[4].cycles[CycleKind::stall_output] == 0);
  for (const StageStatistics& stage : s.stages) CHECK(stage.cycles.total() == s.cycles);
}

}  // namespace
}  // namespace stagecoach
