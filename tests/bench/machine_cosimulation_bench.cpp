// SPDX-License-Identifier: Apache-2.0
// LeNet-5 at batch one, co-simulated: the SystemC machine decides, the functional engine trains.
// What share of the machine's measured peak do users get, and how much of the CPU time is simulated
// time (SystemC and bookkeeping)?
#include <benchmark/benchmark.h>

#include "models/base/host_clock.h"
#include "models/graph/families.h"
#include "models/layers/definition.h"
#include "models/trainer.h"
#include "paths.h"
#include "sim/config/hardware_config.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/system/simulation.h"
#include "tests/bench/peak.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::bench {
namespace {

/// Range: threads. `hardware` is a file of hw/.
void lenet5_cosimulated(benchmark::State& state, const char* hardware_file) {
  const int threads = static_cast<int>(state.range(0));
  constexpr std::int64_t kSamplesPerEpoch = 1024, kEpochs = 16;
  const HardwareSpec hardware =
      load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/" + hardware_file);
  const Network network = build_network(build_family(default_family_spec(Family::lenet5)));
  const Partition partition = make_partition(network, {});
  const int stages = static_cast<int>(partition.size());
  const test::RandomDataset data(network.input, kSamplesPerEpoch, 0, 10, 1, 1);
  TrainSpec train;
  train.optimizer.learning_rate = 1e-5;
  train.optimizer.momentum = 0.9;
  const MicroBatchPlan micro_batches(kSamplesPerEpoch, kEpochs, 1, 1);
  const auto schedule = make_schedule({}, stages, micro_batches);
  const PlannedMachine machine =
      build_machine_plan(hardware, network, partition, micro_batches, *schedule, train);
  TrainerOptions options;
  options.threads = threads;
  options.max_in_flight = schedule->max_in_flight(0);
  options.policies.resize(static_cast<std::size_t>(stages));
  options.stage_work = expected_stage_work(network, partition);
  double macs = 0;
  for (const LayerNode& node : network.layers) macs += static_cast<double>(forward_macs(node));
  double seconds = 0, peak = 0, timing = 0, functional = 0, samples = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto trainer = make_trainer(network, partition, train, micro_batches, data, options);
    peak += peak_gflops(threads, 0.05);
    state.ResumeTiming();
    const double begin = wall_seconds(), cpu = thread_cpu_seconds();
    simulate(machine.plan, *schedule, {}, micro_batches, *trainer, SimulationOptions{});
    trainer->finish();
    const Trainer::WorkSeconds work = trainer->work_seconds();
    timing += thread_cpu_seconds() - cpu - work.caller_cpu;
    functional += work.all_threads;
    seconds += wall_seconds() - begin;
    state.PauseTiming();
    peak += peak_gflops(threads, 0.05);
    samples += static_cast<double>(micro_batches.samples());
    state.ResumeTiming();
  }
  peak /= 2.0 * static_cast<double>(state.iterations());
  const double gflops = 6 * macs * samples / seconds / 1e9;
  state.counters["samples_per_second"] = samples / seconds;
  state.counters["peak_gflops"] = peak;
  state.counters["share_of_peak"] = gflops / peak;
  state.counters["timing_share_of_cpu"] = timing / (timing + functional);
}

BENCHMARK_CAPTURE(lenet5_cosimulated, ideal, "ideal.json")
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(lenet5_cosimulated, small_mesh, "small_mesh.json")
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace stagecoach::bench
