// SPDX-License-Identifier: Apache-2.0
// LeNet-5 at batch one on hw/small_mesh.json. What does recording cost a co-simulated run, how many
// bytes does an operation take, and is a replay as fast as the functional engine alone?
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "models/base/host_clock.h"
#include "models/graph/families.h"
#include "models/trainer.h"
#include "paths.h"
#include "sim/config/hardware_config.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/recording/schedule_recorder.h"
#include "sim/recording/schedule_replay.h"
#include "sim/schedule/lockstep.h"
#include "sim/system/simulation.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::bench {
namespace {

constexpr std::int64_t kSamplesPerEpoch = 1024;
constexpr const char* kFile = "machine_recording_bench.order";

/// Everything that the four kinds of runs share. One thread: its CPU time is the run's.
struct Bench {
  HardwareSpec hardware = load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/small_mesh.json");
  Network network = build_network(build_family(default_family_spec(Family::lenet5)));
  Partition partition = make_partition(network, {});
  int stages = static_cast<int>(partition.size());
  test::RandomDataset data{network.input, kSamplesPerEpoch, 0, 10, 1, 1};
  MicroBatchPlan micro_batches;
  std::unique_ptr<Schedule> schedule;
  TrainSpec train;
  PlannedMachine machine;
  RecordedRun run;

  explicit Bench(std::int64_t epochs) : micro_batches(kSamplesPerEpoch, epochs, 1, 1) {
    train.optimizer.learning_rate = 1e-5;
    train.optimizer.momentum = 0.9;
    schedule = make_schedule({}, stages, micro_batches);
    machine = build_machine_plan(hardware, network, partition, micro_batches, *schedule, train);
    run.hardware = run.hardware_sha256 = run.schedule = "bench";
    run.stages = stages;
  }

  std::unique_ptr<Trainer> trainer() const {
    TrainerOptions options;
    options.max_in_flight = schedule->max_in_flight(0);
    options.policies.resize(static_cast<std::size_t>(stages));
    options.stage_work = expected_stage_work(network, partition);
    return make_trainer(network, partition, train, micro_batches, data, options);
  }
};

/// CPU seconds of one call.
template <class Body>
double cpu_seconds(Body body) {
  const double begin = thread_cpu_seconds();
  body();
  return thread_cpu_seconds() - begin;
}

/// Co-simulated training with and without recording, in turns: other programs disturb both alike.
/// The least of each stands for it.
void recording_cost(benchmark::State& state) {
  const Bench bench(4);
  double plain = 1e9, recorded = 1e9, bytes = 0, operations = 0;
  for (auto _ : state) {
    auto without = bench.trainer();
    plain = std::min(plain, cpu_seconds([&] {
                       simulate(bench.machine.plan, *bench.schedule, {}, bench.micro_batches,
                                *without, {});
                       without->finish();
                     }));
    auto with = bench.trainer();
    recorded = std::min(recorded, cpu_seconds([&] {
                          ScheduleRecorder recorder(kFile, true, bench.run, *with);
                          simulate(bench.machine.plan, *bench.schedule, {}, bench.micro_batches,
                                   recorder, {});
                          with->finish();
                          recorder.finish();
                          bytes = static_cast<double>(recorder.bytes());
                          operations = static_cast<double>(recorder.operations());
                        }));
  }
  std::remove(kFile);
  state.counters["cost_percent"] = 100 * (recorded / plain - 1);
  state.counters["bytes_per_operation"] = bytes / operations;
}

/// The same with nothing but the clock: the recorder's own time for an operation.
void recording_alone(benchmark::State& state) {
  const Bench bench(32);
  struct Nothing : OpSink {
    bool emit(const Op&) override { return true; }
  } nothing;
  double plain = 1e9, recorded = 1e9, bytes = 0, operations = 0;
  for (auto _ : state) {
    plain = std::min(plain, cpu_seconds([&] {
                       simulate(bench.machine.plan, *bench.schedule, {}, bench.micro_batches,
                                nothing, {});
                     }));
    recorded = std::min(recorded, cpu_seconds([&] {
                          ScheduleRecorder recorder(kFile, true, bench.run, nothing);
                          simulate(bench.machine.plan, *bench.schedule, {}, bench.micro_batches,
                                   recorder, {});
                          recorder.finish();
                          bytes = static_cast<double>(recorder.bytes());
                          operations = static_cast<double>(recorder.operations());
                        }));
  }
  std::remove(kFile);
  state.counters["simulation_ns_per_operation"] = 1e9 * plain / operations;
  state.counters["recording_ns_per_operation"] = 1e9 * (recorded - plain) / operations;
  state.counters["bytes_per_operation"] = bytes / operations;
}

/// Training in a recorded order against training in the closed form's (--functional-only).
void recording_replayed(benchmark::State& state) {
  const Bench bench(4);
  {
    struct Nothing : OpSink {
      bool emit(const Op&) override { return true; }
    } nothing;
    ScheduleRecorder recorder(kFile, true, bench.run, nothing);
    simulate(bench.machine.plan, *bench.schedule, {}, bench.micro_batches, recorder, {});
    recorder.finish();
  }
  double closed_form = 1e9, replayed = 1e9;
  for (auto _ : state) {
    auto free = bench.trainer();
    closed_form =
        std::min(closed_form, cpu_seconds([&] {
                   run_lockstep_order(*bench.schedule, bench.micro_batches, bench.stages, *free);
                   free->finish();
                 }));
    auto again = bench.trainer();
    replayed = std::min(
        replayed, cpu_seconds([&] {
          ScheduleReplay(kFile, bench.run, *bench.schedule, bench.micro_batches).run(*again);
          again->finish();
        }));
  }
  std::remove(kFile);
  state.counters["replay_over_functional"] = replayed / closed_form;
  const double samples = static_cast<double>(bench.micro_batches.samples());
  state.counters["functional_samples_per_second"] = samples / closed_form;
  state.counters["replay_samples_per_second"] = samples / replayed;
}

BENCHMARK(recording_cost)->Iterations(8)->Unit(benchmark::kMillisecond);
BENCHMARK(recording_alone)->Iterations(8)->Unit(benchmark::kMillisecond);
BENCHMARK(recording_replayed)->Iterations(8)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stagecoach::bench
