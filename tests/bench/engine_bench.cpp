// SPDX-License-Identifier: Apache-2.0
// How fast does the functional engine train at batch one, as a share of the machine's measured peak?
// Whole samples: forward, backward and update of every stage, in the order of pipelined
// backpropagation. Multiply-adds count two operations, three passes (input gradient of the first
// layer included, though nobody computes it: the share is what a user gets).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "models/families.h"
#include "models/trainer.h"
#include "sim/schedule/lockstep.h"
#include "tests/bench/peak.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::bench {
namespace {

double flop_per_sample(const Network& network) {
  double macs = 0;
  for (const LayerNode& node : network.layers) macs += static_cast<double>(forward_macs(node));
  return 6 * macs;
}

/// Trains `samples` samples per iteration, the peak measured before and after each.
void train(benchmark::State& state, const NetworkSpec& spec, std::int64_t samples) {
  const int threads = static_cast<int>(state.range(0));
  const int batch = static_cast<int>(state.range(1));
  const Network network = build_network(spec);
  const Partition partition = make_partition(network, {});
  const int stages = static_cast<int>(partition.size());
  const test::RandomDataset data(spec.input, 64 * batch, 0, network.output().channels, 1, 1);
  TrainSpec train_spec;
  train_spec.batch_size = train_spec.micro_batch_size = batch;
  train_spec.optimizer.learning_rate = 1e-5;
  train_spec.optimizer.momentum = 0.9;
  train_spec.mitigation.spike_compensation = true;
  train_spec.mitigation.weight_prediction = WeightPrediction::velocity;
  double seconds = 0, peak = 0, done = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const PacketPlan plan(64 * batch, std::max<std::int64_t>(1, samples / (64 * batch)), batch, batch);
    const auto schedule = make_schedule({}, stages, plan);
    TrainerOptions options;
    options.threads = threads;
    options.max_in_flight = 2 * stages;
    for (int k = 0; k < stages; ++k)
      options.policies.push_back({{static_cast<double>(schedule->delay(k)), 0, 0}, false, 0});
    options.stage_work = expected_stage_work(network, partition);
    auto trainer = make_trainer(network, partition, train_spec, plan, data, options);
    peak += peak_gflops(threads);
    state.ResumeTiming();
    const auto begin = std::chrono::steady_clock::now();
    run_lockstep_order(*schedule, plan, stages, *trainer);
    trainer->finish();
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.PauseTiming();
    peak += peak_gflops(threads);
    done += static_cast<double>(plan.samples());
    state.ResumeTiming();
  }
  const double mean_peak = peak / (2.0 * static_cast<double>(state.iterations()));
  state.counters["samples_per_second"] = done / seconds;
  state.counters["gflops"] = done * flop_per_sample(network) / seconds / 1e9;
  state.counters["peak_gflops"] = mean_peak;
  state.counters["share_of_peak"] = done * flop_per_sample(network) / seconds / 1e9 / mean_peak;
}

FamilySpec family(Family kind, int depth) {
  FamilySpec spec = default_family_spec(kind);
  if (depth) spec.depth = depth;
  return spec;
}

void lenet5(benchmark::State& s) { train(s, build_family(family(Family::lenet5, 0)), 8192); }
void resnet20(benchmark::State& s) { train(s, build_family(family(Family::resnet_cifar, 20)), 512); }
void resnet110(benchmark::State& s) { train(s, build_family(family(Family::resnet_cifar, 110)), 192); }
void vgg11(benchmark::State& s) { train(s, build_family(family(Family::vgg, 11)), 128); }

#define STAGECOACH_ENGINE_BENCH(name) \
  BENCHMARK(name)                     \
      ->ArgNames({"threads", "batch"}) \
      ->Args({1, 1})                  \
      ->Args({2, 1})                  \
      ->Args({2, 32})                 \
      ->Unit(benchmark::kMillisecond) \
      ->UseRealTime()

STAGECOACH_ENGINE_BENCH(lenet5);
STAGECOACH_ENGINE_BENCH(resnet20);
STAGECOACH_ENGINE_BENCH(resnet110);
STAGECOACH_ENGINE_BENCH(vgg11);

}  // namespace
}  // namespace stagecoach::bench
