// SPDX-License-Identifier: Apache-2.0
// Micro-batches of several samples pass a stage in chunks, and epochs may be shorter than the
// pipeline: neither may show in the numbers.
#include <catch2/catch.hpp>

#include "models/engine/value_plan.h"
#include "models/trainer.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

LayerSpec small_layer(LayerKind kind, const std::string& name,
                      std::vector<std::string> inputs = {}) {
  LayerSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.inputs = std::move(inputs);
  return spec;
}

LayerSpec small_conv(const std::string& name, int out) {
  LayerSpec spec = small_layer(LayerKind::conv2d, name);
  spec.out_channels = out;
  spec.kernel = 3;
  spec.padding = 1;
  return spec;
}

/// A residual block with all that a layer may keep for its way back: inputs, statistics, winners of
/// a maximum, seeds of dropout.
Network residual_network() {
  NetworkSpec spec;
  spec.input = Shape::image(3, 12, 12);
  LayerSpec norm = small_layer(LayerKind::group_norm, "norm");
  norm.groups = 4;
  LayerSpec pool = small_layer(LayerKind::max_pool2d, "pool");
  pool.kernel = pool.stride = 2;
  LayerSpec dropout = small_layer(LayerKind::dropout, "dropout");
  dropout.probability = 0.25;
  LayerSpec fc = small_layer(LayerKind::linear, "fc");
  fc.out_features = 4;
  spec.layers = {small_conv("conv1", 16),
                 norm,
                 small_layer(LayerKind::relu, "relu"),
                 small_conv("conv2", 16),
                 small_layer(LayerKind::add, "add", {"conv2", "relu"}),
                 pool,
                 dropout,
                 small_layer(LayerKind::flatten, "flatten"),
                 fc};
  return build_network(spec);
}

TrainSpec train_spec(int batch, int micro_batch) {
  TrainSpec spec;
  spec.loss = LossKind::softmax_cross_entropy;
  spec.batch_size = batch;
  spec.micro_batch_size = micro_batch;
  spec.optimizer.learning_rate = 0.05;
  spec.optimizer.momentum = 0.9;
  spec.mitigation.gradient_shrinking = 0.9;
  return spec;
}

struct Trained {
  TensorMap weights;
  TrainingResult result;
};

Trained train(const Network& network, const PartitionSpec& cuts, const TrainSpec& spec,
              const MicroBatchPlan& plan, const std::vector<Op>& order, const Dataset& data) {
  const Partition partition = make_partition(network, cuts);
  TrainerOptions options;
  options.precision = Precision::f64;
  options.shuffle = false;
  options.policies.resize(partition.size());
  options.max_in_flight = 2 * static_cast<std::int64_t>(partition.size());
  auto trainer = make_trainer(network, partition, spec, plan, data, options);
  for (const Op& op : order) REQUIRE(trainer->emit(op));
  trainer->finish();
  return {trainer->export_weights(), trainer->result()};
}

TEST_CASE("a large micro-batch, taken in chunks, trains like its samples one by one") {
  constexpr int kSamples = 22, kBatch = 11;
  const Network network = residual_network();
  PartitionSpec cuts;
  cuts.kind = PartitionKind::cuts;
  cuts.cuts = {"relu"};  // the skip connection crosses the stages
  const ValuePlan<double> values =
      make_value_plan<double>(network, make_partition(network, cuts), kBatch, Kernels::eigen);
  REQUIRE(values.stages[0].chunk > 1);
  REQUIRE(values.stages[0].chunk < kBatch);
  REQUIRE(kBatch % values.stages[0].chunk != 0);  // the last chunk is smaller
  const test::RandomDataset data(Shape::image(3, 12, 12), kSamples, 5, 4, 1, 3);
  const Trained whole =
      train(network, cuts, train_spec(kBatch, kBatch), MicroBatchPlan(kSamples, 2, kBatch, kBatch),
            test::sequential_order(2, 2 * kSamples / kBatch), data);
  const Trained single =
      train(network, cuts, train_spec(kBatch, 1), MicroBatchPlan(kSamples, 2, kBatch, 1),
            test::sequential_order(2, 2 * kSamples, kBatch), data);
  REQUIRE(whole.result.epochs.size() == 2);
  // Another order of summation: rounding only.
  CHECK(whole.result.epochs[1].test_loss.value() ==
        Approx(single.result.epochs[1].test_loss.value()).epsilon(1e-12));
  for (const auto& [name, tensor] : single.weights) {
    INFO(name);
    const HostTensor& other = whole.weights.at(name);
    double worst = 0;
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
      worst = std::max(worst, std::abs(tensor.values[i] - other.values[i]));
    CHECK(worst < 1e-13);
  }
}

TEST_CASE("an epoch shorter than the pipeline is evaluated with its own last weights") {
  constexpr int kSamples = 3, kEpochs = 5;
  NetworkSpec spec;
  spec.input = Shape::features(6);
  for (int k = 0; k < 4; ++k) {
    LayerSpec fc = small_layer(LayerKind::linear, "fc" + std::to_string(k));
    fc.out_features = 4;
    spec.layers.push_back(fc);
  }
  const Network network = build_network(spec);
  const test::RandomDataset data(spec.input, kSamples, 7, 4, 1, 3);
  const auto run = [&](int epochs) {
    return train(network, {}, train_spec(1, 1), MicroBatchPlan(kSamples, epochs, 1, 1),
                 test::pipelined_order(4, kSamples * epochs), data)
        .result.epochs;
  };
  const std::vector<EpochResult> all = run(kEpochs);
  REQUIRE(all.size() == kEpochs);
  for (int epochs = 1; epochs < kEpochs; ++epochs) {
    // What follows an epoch cannot reach back into it.
    CHECK(run(epochs).back().test_loss == all[epochs - 1].test_loss);
    CHECK(run(epochs).back().train_loss == all[epochs - 1].train_loss);
  }
}

}  // namespace
}  // namespace stagecoach
