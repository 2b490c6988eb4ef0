// SPDX-License-Identifier: Apache-2.0
// How fast does the functional engine train at batch one, as a share of the machine's measured
// peak? Whole samples: forward, backward and update of every stage, in the order of pipelined
// backpropagation. Multiply-adds count two operations, three passes (input gradient of the first
// layer included, though nobody computes it: the share is what a user gets).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>

#include "models/base/host_clock.h"
#include "models/graph/families.h"
#include "models/layers/definition.h"
#include "models/trainer.h"
#include "sim/schedule/lockstep.h"
#include "tests/bench/peak.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::bench {
namespace {

constexpr int kLargeMicroBatchStages = 8;

double flop_per_sample(const Network& network) {
  double macs = 0;
  for (const LayerNode& node : network.layers) macs += static_cast<double>(forward_macs(node));
  return 6 * macs;
}

/// A stage for every layer with weights at batch one; eight stages of about equal work for larger
/// micro-batches, as people cut them: with one a layer, ResNet-110 would have 29 GB in flight at
/// batch 32.
Partition partition_for(const Network& network, int batch) {
  const Partition fine = make_partition(network, {});
  const std::vector<double> work = expected_stage_work(network, fine);
  const double total = std::accumulate(work.begin(), work.end(), 0.0);
  if (batch == 1) return fine;
  PartitionSpec spec;
  spec.kind = PartitionKind::cuts;
  double sum = 0;
  for (std::size_t k = 0; k + 1 < fine.size(); ++k) {
    sum += work[k];
    if (sum * kLargeMicroBatchStages < total * (spec.cuts.size() + 1.0)) continue;
    spec.cuts.push_back(network.layers[fine[k].end_layer - 1].spec.name);
  }
  return make_partition(network, spec);
}

/// Trains three epochs of about `samples` samples, longer than the pipeline: the first fills
/// pipeline and memory, the second is timed, from the end of one to the end of the next, the third
/// keeps the pipeline full. The peak is the best measured before and after: whoever disturbs lowers
/// it. `mitigated` adds predicted weights and spike compensation.
void train(benchmark::State& state, const NetworkSpec& spec, std::int64_t samples) {
  const int threads = static_cast<int>(state.range(0));
  const int batch = static_cast<int>(state.range(1));
  const Network network = build_network(spec);
  const Partition partition = partition_for(network, batch);
  const int stages = static_cast<int>(partition.size());
  const std::int64_t epoch_samples =
      std::max<std::int64_t>({24, 3 * stages, samples / batch}) * batch;
  const test::RandomDataset data(spec.input, epoch_samples, 0, network.output().channels, 1, 1);
  TrainSpec train_spec;
  train_spec.batch_size = train_spec.micro_batch_size = batch;
  train_spec.optimizer.learning_rate = 1e-5;
  train_spec.optimizer.momentum = 0.9;
  if (state.range(2)) {
    train_spec.mitigation.spike_compensation = true;
    train_spec.mitigation.weight_prediction = WeightPrediction::velocity;
  }
  double seconds = 0, peak = 0, done = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const MicroBatchPlan plan(epoch_samples, 3, batch, batch);
    const auto schedule = make_schedule({}, stages, plan);
    TrainerOptions options;
    options.threads = threads;
    options.max_in_flight = 2 * stages;
    for (int k = 0; k < stages; ++k)
      options.policies.push_back({{static_cast<double>(schedule->delay(k)), 0, 0}, false, 0});
    options.stage_work = expected_stage_work(network, partition);
    std::vector<double> epoch_ends;
    options.on_epoch = [&](std::int64_t, const EpochResult&) {
      epoch_ends.push_back(wall_seconds());
    };
    auto trainer = make_trainer(network, partition, train_spec, plan, data, options);
    peak = std::max(peak, peak_gflops(threads));
    state.ResumeTiming();
    run_lockstep_order(*schedule, plan, stages, *trainer);
    trainer->finish();
    seconds += epoch_ends[1] - epoch_ends[0];
    state.PauseTiming();
    peak = std::max(peak, peak_gflops(threads));
    done += static_cast<double>(epoch_samples);
    state.ResumeTiming();
  }
  state.counters["samples_per_second"] = done / seconds;
  state.counters["gflops"] = done * flop_per_sample(network) / seconds / 1e9;
  state.counters["peak_gflops"] = peak;
  state.counters["share_of_peak"] = done * flop_per_sample(network) / seconds / 1e9 / peak;
}

FamilySpec family(Family kind, int depth) {
  FamilySpec spec = default_family_spec(kind);
  if (depth) spec.depth = depth;
  return spec;
}

void lenet5(benchmark::State& s) { train(s, build_family(family(Family::lenet5, 0)), 4096); }
void resnet20(benchmark::State& s) {
  train(s, build_family(family(Family::resnet_cifar, 20)), 512);
}
void resnet110(benchmark::State& s) {
  train(s, build_family(family(Family::resnet_cifar, 110)), 192);
}
void vgg11(benchmark::State& s) { train(s, build_family(family(Family::vgg, 11)), 96); }

#define STAGECOACH_ENGINE_BENCH(name)               \
  BENCHMARK(name)                                   \
      ->ArgNames({"threads", "batch", "mitigated"}) \
      ->Args({1, 1, 0})                             \
      ->Args({2, 1, 0})                             \
      ->Args({2, 1, 1})                             \
      ->Args({2, 32, 0})                            \
      ->Unit(benchmark::kMillisecond)               \
      ->UseRealTime()

STAGECOACH_ENGINE_BENCH(lenet5);
STAGECOACH_ENGINE_BENCH(resnet20);
STAGECOACH_ENGINE_BENCH(resnet110);
STAGECOACH_ENGINE_BENCH(vgg11);

}  // namespace
}  // namespace stagecoach::bench
