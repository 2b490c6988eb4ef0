// SPDX-License-Identifier: Apache-2.0
// Speed and memory of the simulated machine alone (timing only): stage operations per second, how
// their cost grows with the number of stages, and what a long run keeps. A residual network with a
// stage per layer: unequal costs, a skip over every second stage, neighbours on a mesh.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/schedule/schedule.h"
#include "sim/system/simulation.h"

// The SystemC library wants one; the benchmarks have a main of their own.
extern "C" int sc_main(int, char**) { return 0; }

namespace stagecoach {
namespace {

class CountingSink : public OpSink {
 public:
  bool emit(const Op&) override {
    ++operations;
    return true;
  }
  std::int64_t operations = 0;
};

OpCost cost_of(Cycles compute, Cycles memory) {
  OpCost cost;
  cost.compute_cycles = compute;
  cost.cycles = compute + memory;
  cost.macs = 100 * compute.count();
  return cost;
}

/// Places stage k on a mesh row by row, back and forth.
CorePlan tile(int k, int columns) {
  const int row = k / columns;
  const int column = row % 2 == 0 ? k % columns : columns - 1 - k % columns;
  return CorePlan{"core" + std::to_string(k), row, column, 100.0};
}

MachinePlan residual_network(int stages, InterconnectKind kind) {
  MachinePlan plan;
  int columns = 1;
  while (columns * columns < stages) ++columns;
  plan.interconnect = {kind, kind == InterconnectKind::ideal ? 0.0 : 16.0, 1, columns, columns};
  plan.host = {16.0, 100};
  for (int k = 0; k < stages; ++k) {
    StagePlan stage;
    stage.name = "layer" + std::to_string(k);
    stage.forward_core = stage.backward_core = k;
    plan.cores.push_back(tile(k, columns));
    const Cycles work = 700 + 37 * (k * 7 % 11);
    stage.cost.push_back({cost_of(work, 5), cost_of(2 * work, 9), cost_of(work / 4, 3)});
    const Bytes bytes = 4096 >> (3 * k / stages);
    if (k + 1 < stages) stage.forward_messages.push_back({k + 1, k + 1, bytes});
    if (k % 2 == 1 && k + 2 < stages) stage.forward_messages.push_back({k + 2, k + 1, bytes});
    if (k > 0) stage.backward_messages.push_back({k - 1, k, bytes});
    if (k % 2 == 1 && k > 2) stage.backward_messages.push_back({k - 2, k - 1, bytes});
    stage.input_bytes_per_sample = k == 0 ? 3072 : 0;
    plan.stages.push_back(stage);
  }
  return plan;
}

/// Returns the stage operations done.
std::int64_t run_network(const MachinePlan& plan, std::int64_t samples, Pacing pacing) {
  const MicroBatchPlan micro_batches(samples, 1, 1, 1);
  ScheduleSpec spec;
  spec.kind = ScheduleKind::pipelined;
  spec.pacing = pacing;
  const auto schedule = make_schedule(spec, static_cast<int>(plan.stages.size()), micro_batches);
  CountingSink sink;
  const RunStatistics s = simulate(plan, *schedule, spec, micro_batches, sink, {});
  std::int64_t operations = 0;
  for (const StageStatistics& stage : s.stages) {
    operations += stage.forwards + stage.backwards + stage.updates;
  }
  return operations;
}

void time_network(benchmark::State& state, const MachinePlan& plan,
                  Pacing pacing = Pacing::elastic) {
  const int stages = static_cast<int>(plan.stages.size());
  std::int64_t operations = 0;
  for (auto _ : state) {
    // Long enough that filling the pipeline does not matter.
    operations += run_network(plan, 20 * stages + 300000 / stages, pacing);
  }
  state.counters["stage_operations_per_second"] =
      benchmark::Counter(static_cast<double>(operations), benchmark::Counter::kIsRate);
  state.counters["ns_per_stage_operation"] =
      benchmark::Counter(static_cast<double>(operations) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void simulate_network(benchmark::State& state, InterconnectKind kind, Pacing pacing) {
  time_network(state, residual_network(static_cast<int>(state.range(0)), kind), pacing);
}

void machine_mesh2d_elastic(benchmark::State& state) {
  simulate_network(state, InterconnectKind::mesh2d, Pacing::elastic);
}
void machine_ideal_elastic(benchmark::State& state) {
  simulate_network(state, InterconnectKind::ideal, Pacing::elastic);
}
void machine_mesh2d_lockstep(benchmark::State& state) {
  simulate_network(state, InterconnectKind::mesh2d, Pacing::lockstep);
}

/// Every operation moves something through the one channel to DRAM, which is busy most of the time.
void machine_mesh2d_elastic_dram(benchmark::State& state) {
  const int stages = static_cast<int>(state.range(0));
  MachinePlan plan = residual_network(stages, InterconnectKind::mesh2d);
  for (StagePlan& stage : plan.stages) {
    stage.dram.forward = {Bytes{2000}, Bytes{1000}};
    stage.dram.backward = {Bytes{3000}, Bytes{1000}};
    stage.dram.update = 2000;
  }
  plan.dram = DramPlan{3.0 * stages, 20};
  time_network(state, plan);
}

#define STAGE_COUNTS Arg(22)->Arg(56)->Arg(110)->Arg(364)->Unit(benchmark::kMillisecond)
BENCHMARK(machine_mesh2d_elastic)->STAGE_COUNTS;
BENCHMARK(machine_mesh2d_elastic_dram)->STAGE_COUNTS;
BENCHMARK(machine_ideal_elastic)->STAGE_COUNTS;
BENCHMARK(machine_mesh2d_lockstep)->STAGE_COUNTS;
#undef STAGE_COUNTS

/// Most memory of a process that simulates so many samples through 110 stages.
void machine_memory(benchmark::State& state) {
  const MachinePlan plan = residual_network(110, InterconnectKind::mesh2d);
  for (auto _ : state) {
    const pid_t child = fork();
    if (child == 0) {
      run_network(plan, state.range(0), Pacing::elastic);
      _exit(0);
    }
    rusage usage{};
    int status = -1;
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
      state.SkipWithError("the simulating process failed");
    }
    state.counters["peak_rss_mib"] = static_cast<double>(usage.ru_maxrss) / 1024;
  }
}
BENCHMARK(machine_memory)
    ->ArgName("samples")
    ->Arg(50000)
    ->Arg(1000000)
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace stagecoach
