// SPDX-License-Identifier: Apache-2.0
// Does the simulated machine train what the mathematics says? The SystemC run against the
// clock-free reference and against plain SGD, bit for bit.
#include <catch2/catch.hpp>

#include "models/trainer.h"
#include "sim/schedule/lockstep.h"
#include "sim/system/simulation.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kSamples = 120;

LayerSpec layer(LayerKind kind, int out = 0, int kernel = 0, int padding = 0) {
  LayerSpec s;
  s.kind = kind;
  s.out_channels = s.out_features = out;
  s.kernel = kernel;
  s.padding = padding;
  return s;
}

/// A small residual convolutional network: five stages, a skip edge over one of them.
Network small_network() {
  NetworkSpec spec;
  spec.input = Shape::image(2, 8, 8);
  spec.layers = {layer(LayerKind::conv2d, 6, 3, 1),  layer(LayerKind::relu),
                 layer(LayerKind::conv2d, 6, 3, 1),  layer(LayerKind::relu),
                 layer(LayerKind::conv2d, 6, 3, 1),  layer(LayerKind::add),
                 layer(LayerKind::max_pool2d, 0, 2), layer(LayerKind::flatten),
                 layer(LayerKind::linear, 12),       layer(LayerKind::tanh),
                 layer(LayerKind::linear, 4)};
  spec.layers[1].name = "first";
  spec.layers[4].name = "third";
  spec.layers[5].inputs = {"third", "first"};
  return build_network(spec);
}

/// A machine on which every stage takes its own time and links cost cycles.
MachinePlan uneven_machine(const Partition& partition) {
  MachinePlan plan;
  const int stages = static_cast<int>(partition.size());
  for (int k = 0; k < stages; ++k) {
    plan.cores.push_back({"core" + std::to_string(k), 0, k, 1.0});
    StagePlan s;
    s.name = partition[k].name;
    s.forward_core = s.backward_core = k;
    StageCost cost;
    cost.forward.compute_cycles = cost.forward.cycles = 5 + 3 * k;
    cost.backward.compute_cycles = cost.backward.cycles = 9 + 2 * k;
    cost.update.compute_cycles = cost.update.cycles = 2;
    s.cost = {cost};
    for (const StageInput& in : partition[k].inputs)
      if (in.producer_stage >= 0) s.backward_messages.push_back({in.producer_stage, in.value, 40});
    for (int later = k + 1; later < stages; ++later)
      for (const StageInput& in : partition[later].inputs)
        if (in.producer_stage == k) s.forward_messages.push_back({later, in.value, 40});
    plan.stages.push_back(s);
  }
  plan.interconnect.kind = InterconnectKind::point_to_point;
  plan.interconnect.link_bytes_per_cycle = 8;
  plan.interconnect.hop_latency_cycles = 2;
  return plan;
}

struct Setup {
  Network network = small_network();
  Partition partition = make_partition(network, {});
  test::RandomDataset data{Shape::image(2, 8, 8), kSamples, 20, 4, 0, 7};
  MicroBatchPlan micro_batches{kSamples, 2, 1, 1};
  int stages = static_cast<int>(partition.size());

  std::unique_ptr<Trainer> trainer(const Schedule& schedule, int threads) const {
    TrainSpec train;
    train.epochs = 2;
    train.optimizer.learning_rate = 0.02;
    train.optimizer.momentum = 0.8;
    train.mitigation.spike_compensation = true;
    TrainerOptions options;
    options.threads = threads;
    options.max_in_flight = schedule.max_in_flight(0);
    for (int k = 0; k < stages; ++k) options.policies.push_back(schedule.stage_policy(k));
    return make_trainer(network, partition, train, micro_batches, data, options);
  }

  TensorMap simulated(const ScheduleSpec& spec, int threads, RunStatistics* statistics = nullptr,
                      TrainingResult* result = nullptr) const {
    const auto schedule = make_schedule(spec, stages, micro_batches);
    auto sink = trainer(*schedule, threads);
    const RunStatistics run = simulate(uneven_machine(partition), *schedule, spec, micro_batches,
                                       *sink, SimulationOptions{});
    sink->finish();
    if (statistics) *statistics = run;
    if (result) *result = sink->result();
    return sink->export_weights();
  }

  TensorMap clock_free(const ScheduleSpec& spec, int threads) const {
    const auto schedule = make_schedule(spec, stages, micro_batches);
    auto sink = trainer(*schedule, threads);
    run_lockstep_order(*schedule, micro_batches, stages, *sink);
    sink->finish();
    return sink->export_weights();
  }
};

void check_equal(const TensorMap& a, const TensorMap& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, tensor] : a) {
    INFO(name);
    CHECK(b.at(name).values == tensor.values);
  }
}

ScheduleSpec spec_of(ScheduleKind kind, Pacing pacing, bool stash = false) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.pacing = pacing;
  spec.weight_stashing = stash;
  return spec;
}

TEST_CASE("lockstep co-simulation equals the clock-free reference bit for bit") {
  const Setup s;
  for (bool stash : {false, true}) {
    const ScheduleSpec spec = spec_of(ScheduleKind::pipelined, Pacing::lockstep, stash);
    check_equal(s.clock_free(spec, 1), s.simulated(spec, 2));
  }
}

TEST_CASE("elastic co-simulation has the same bits on 1, 2 and 7 threads") {
  const Setup s;
  const ScheduleSpec spec = spec_of(ScheduleKind::pipelined, Pacing::elastic);
  RunStatistics one, seven;
  TrainingResult result_one, result_seven;
  const TensorMap weights = s.simulated(spec, 1, &one, &result_one);
  check_equal(weights, s.simulated(spec, 2));
  check_equal(weights, s.simulated(spec, 7, &seven, &result_seven));
  CHECK(one.cycles == seven.cycles);
  REQUIRE(result_one.epochs.size() == 2);
  for (int e = 0; e < 2; ++e) {
    CHECK(result_one.epochs[e].train_loss == result_seven.epochs[e].train_loss);
    CHECK(result_one.epochs[e].test_loss == result_seven.epochs[e].test_loss);
  }
}

TEST_CASE("a first stage that holds one sample gives plain SGD, bit for bit; so does one stage") {
  Setup s;
  const TensorMap plain = s.clock_free(spec_of(ScheduleKind::sequential, Pacing::lockstep), 1);
  ScheduleSpec narrow = spec_of(ScheduleKind::pipelined, Pacing::elastic);
  narrow.max_in_flight = std::vector<int>(s.stages, 100);
  narrow.max_in_flight[0] = 1;
  // The closed-form delay would still steer spike compensation: leave it out on both sides.
  const auto run = [&](const ScheduleSpec& spec, const Partition& partition) {
    const int stages = static_cast<int>(partition.size());
    const auto schedule = make_schedule(spec, stages, s.micro_batches);
    TrainSpec train;
    train.epochs = 2;
    train.optimizer.momentum = 0.8;
    TrainerOptions options;
    options.policies.resize(stages);
    options.max_in_flight = 1;
    auto trainer = make_trainer(s.network, partition, train, s.micro_batches, s.data, options);
    simulate(uneven_machine(partition), *schedule, spec, s.micro_batches, *trainer,
             SimulationOptions{});
    trainer->finish();
    return trainer->export_weights();
  };
  const TensorMap sequential = run(spec_of(ScheduleKind::sequential, Pacing::elastic), s.partition);
  check_equal(sequential, run(narrow, s.partition));
  PartitionSpec whole;
  whole.kind = PartitionKind::cuts;
  const Partition single = make_partition(s.network, whole);
  check_equal(sequential, run(spec_of(ScheduleKind::pipelined, Pacing::elastic), single));
  CHECK(plain.size() == sequential.size());
}

TEST_CASE("every stage's cycles add up to the run's cycles") {
  const Setup s;
  RunStatistics run;
  s.simulated(spec_of(ScheduleKind::pipelined, Pacing::elastic), 2, &run);
  CHECK(run.samples == 2 * kSamples);
  CHECK_FALSE(run.stopped_early);
  for (const StageStatistics& stage : run.stages) {
    CHECK(stage.cycles.total() == run.cycles);
    CHECK(stage.updates == 2 * kSamples);
    CHECK(stage.staleness.count() == 2 * kSamples);
  }
}

TEST_CASE("waiting for the end of a tick is waiting for input, not for links") {
  const Setup s;
  MachinePlan plan = uneven_machine(s.partition);
  plan.interconnect = InterconnectPlan{};  // links take no time
  const ScheduleSpec spec = spec_of(ScheduleKind::pipelined, Pacing::lockstep);
  const auto schedule = make_schedule(spec, s.stages, s.micro_batches);
  const auto trainer = s.trainer(*schedule, 1);
  const RunStatistics run =
      simulate(plan, *schedule, spec, s.micro_batches, *trainer, SimulationOptions{});
  trainer->finish();
  for (int k = 0; k < s.stages; ++k)
    CHECK(run.stages[k].cycles[CycleKind::stall_interconnect] == 0);
  CHECK(run.stages[0].cycles[CycleKind::stall_input] >
        run.cycles / 4);  // the fastest stage waits for the slowest
}

}  // namespace
}  // namespace stagecoach
