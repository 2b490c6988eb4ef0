// SPDX-License-Identifier: Apache-2.0
// Is the training exact? Threads and partitions must not show, and a run may end early.
#include "models/trainer.h"

#include <catch2/catch.hpp>

#include "tests/models/small_training.h"
#include "tests/support/order_of_operations.h"

namespace stagecoach {
namespace {

using namespace test;  // NOLINT: tests

TEST_CASE("any number of threads gives the same bits") {
  const Network network = mlp();
  for (Precision precision : {Precision::f32, Precision::f64}) {
    TrainSpec spec = base_spec();
    spec.mitigation.spike_compensation = true;
    spec.mitigation.weight_prediction = WeightPrediction::velocity;
    const auto order = test::pipelined_order(kStages, kSamples);
    const auto one = train(network, {}, spec, pipelined_policies(true), order, 1, precision);
    for (int threads : {2, 7}) {
      const auto many =
          train(network, {}, spec, pipelined_policies(true), order, threads, precision);
      for (const auto& [name, tensor] : one) CHECK(many.at(name).values == tensor.values);
    }
  }
}

TEST_CASE("sequential training does not see where the network is cut") {
  const Network network = mlp();
  const auto layered = train(network, {}, base_spec(), std::vector<StagePolicy>(kStages),
                             test::sequential_order(kStages, kSamples), 1);
  PartitionSpec whole;
  whole.kind = PartitionKind::cuts;
  const auto single = train(network, whole, base_spec(), std::vector<StagePolicy>(1),
                            test::sequential_order(1, kSamples), 1);
  PartitionSpec modules;
  modules.kind = PartitionKind::per_module;
  const int stages = static_cast<int>(network.layers.size()) + 1;
  const auto fine = train(network, modules, base_spec(), std::vector<StagePolicy>(stages),
                          test::sequential_order(stages, kSamples), 2);
  for (const auto& [name, tensor] : single) {
    CHECK(layered.at(name).values == tensor.values);
    CHECK(fine.at(name).values == tensor.values);
  }
}

TEST_CASE("stashing changes nothing when one sample is in flight") {
  const Network network = mlp();
  std::vector<StagePolicy> stashing(kStages);
  for (StagePolicy& p : stashing) p.stash = true;
  const auto order = test::sequential_order(kStages, kSamples);
  const auto plain = train(network, {}, base_spec(), std::vector<StagePolicy>(kStages), order, 1);
  const auto stashed = train(network, {}, base_spec(), stashing, order, 1);
  for (const auto& [name, tensor] : plain) CHECK(stashed.at(name).values == tensor.values);
}

TEST_CASE("micro-batches add up to the mini-batch's mean gradient") {
  const Network network = mlp();
  TrainSpec whole = base_spec();
  whole.batch_size = whole.micro_batch_size = 8;
  TrainSpec split = whole;
  split.micro_batch_size = 3;  // 3 + 3 + 2, and a last mini-batch of 4: 3 + 1
  TensorMap results[2];
  const std::vector<StagePolicy> policies(kStages);
  results[0] = train(network, {}, whole, policies, test::sequential_order(kStages, 13), 1);
  std::vector<Op> order = test::sequential_order(kStages, 38);
  const MicroBatchPlan plan(kSamples, 1, 8, 3);
  REQUIRE(plan.micro_batches() == 38);
  for (Op& op : order)
    if (is_backward(op.pass) && !plan.at(op.micro_batch).last_of_batch) op.pass = Pass::backward;
  results[1] = train(network, {}, split, policies, order, 2);
  for (const auto& [name, tensor] : results[0])
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
      CHECK(results[1].at(name).values[i] == Approx(tensor.values[i]).epsilon(1e-12).margin(1e-14));
}

TEST_CASE("a diverging run stops at the same operation and says where") {
  const Network network = mlp();
  TrainSpec spec = base_spec();
  spec.optimizer.learning_rate = 1e6;
  const RandomDataset data = samples();
  const Partition partition = make_partition(network, {});
  const MicroBatchPlan plan(kSamples, 1, 1, 1);
  std::vector<std::size_t> ends;
  for (int threads : {1, 2, 5}) {
    TrainerOptions options;
    options.threads = threads;
    options.policies = pipelined_policies(false);
    options.max_in_flight = 2 * kStages;
    auto trainer = make_trainer(network, partition, spec, plan, data, options);
    std::size_t emitted = 0;
    for (const Op& op : test::pipelined_order(kStages, kSamples)) {
      if (!trainer->emit(op)) break;
      ++emitted;
    }
    trainer->finish();
    REQUIRE(trainer->result().divergence.has_value());
    CHECK(trainer->result().epochs.size() == 1);
    CHECK(trainer->result().complete_epochs == 0);
    CHECK(trainer->result().divergence->sample < kSamples);
    CHECK(trainer->result().divergence->layer != "");
    ends.push_back(emitted);
  }
  CHECK(ends[0] < test::pipelined_order(kStages, kSamples).size());
  CHECK(ends[1] == ends[0]);
  CHECK(ends[2] == ends[0]);
}

TEST_CASE("a run that ends early tells the epoch under way, and that it is not complete") {
  const Network network = mlp();
  TrainSpec spec = base_spec();
  spec.epochs = 3;
  const RandomDataset data = samples();
  const Partition partition = make_partition(network, {});
  TrainerOptions options;
  options.policies = pipelined_policies(false);
  options.max_in_flight = 2 * kStages;
  std::vector<std::int64_t> told;
  options.on_epoch = [&](std::int64_t epoch, const EpochResult&) { told.push_back(epoch); };
  auto trainer =
      make_trainer(network, partition, spec, MicroBatchPlan(kSamples, 3, 1, 1), data, options);
  for (const Op& op : test::sequential_order(kStages, kSamples + 17)) REQUIRE(trainer->emit(op));
  trainer->finish();
  const TrainingResult result = trainer->result();
  CHECK(result.samples == kSamples + 17);
  CHECK(result.complete_epochs == 1);
  REQUIRE(result.epochs.size() == 2);
  CHECK(result.epochs[1].train_loss > 0);
  CHECK_FALSE(result.epochs[1].test_loss.has_value());
  CHECK(told == std::vector<std::int64_t>{0});
}

}  // namespace
}  // namespace stagecoach
