// SPDX-License-Identifier: Apache-2.0
// Question: does the end of an epoch tell what is true of that epoch alone, and see what went
// wrong?
#include <catch2/catch.hpp>
#include <cmath>

#include "models/trainer.h"
#include "tests/models/small_training.h"
#include "tests/support/order_of_operations.h"

namespace stagecoach {
namespace {

using namespace test;  // NOLINT: tests

constexpr int kTestSamples = 9;

TrainSpec classifying() {
  TrainSpec spec = base_spec();
  spec.loss = LossKind::softmax_cross_entropy;
  return spec;
}

/// Two convolutions with a norm that keeps running statistics after each; four stages.
Network normed(LayerKind norm) {
  NetworkSpec spec;
  spec.input = Shape::image(2, 4, 4);
  for (const char* name : {"c1", "c2"}) {
    LayerSpec conv;
    conv.name = name;
    conv.kind = LayerKind::conv2d;
    conv.out_channels = 3;
    conv.kernel = 2;
    spec.layers.push_back(conv);
    LayerSpec after;
    after.kind = norm;
    spec.layers.push_back(after);
  }
  LayerSpec flatten;
  flatten.kind = LayerKind::flatten;
  spec.layers.push_back(flatten);
  LayerSpec head;
  head.name = "head";
  head.kind = LayerKind::linear;
  head.out_features = 4;
  spec.layers.push_back(head);
  return build_network(spec);
}

TrainingResult run(const Network& network, const TrainSpec& spec, const Dataset& data,
                   std::int64_t per_epoch, bool pipelined, int threads = 1,
                   const TensorMap& first_weights = {}) {
  const Partition partition = make_partition(network, {});
  const int stages = static_cast<int>(partition.size());
  const MicroBatchPlan plan(per_epoch, spec.epochs, 1, 1);
  TrainerOptions options;
  options.threads = threads;
  options.policies.resize(partition.size());
  options.max_in_flight = 2 * stages;
  auto trainer = make_trainer(network, partition, spec, plan, data, options);
  if (!first_weights.empty()) trainer->import_weights(first_weights, "test");
  for (const Op& op : pipelined ? pipelined_order(stages, plan.micro_batches())
                                : sequential_order(stages, plan.micro_batches()))
    if (!trainer->emit(op)) break;
  trainer->finish();
  return trainer->result();
}

TEST_CASE("what an epoch reports does not depend on the epochs that follow it") {
  for (const LayerKind norm : {LayerKind::batch_norm2d, LayerKind::online_norm}) {
    const Network network = normed(norm);
    for (const std::int64_t per_epoch : {2, 7, 25}) {  // epochs shorter than the pipeline, too
      const RandomDataset data(Shape::image(2, 4, 4), per_epoch, kTestSamples, 4, 0, 3);
      TrainSpec spec = classifying();
      spec.epochs = 1;
      const EpochResult alone = run(network, spec, data, per_epoch, true).epochs.at(0);
      for (const int epochs : {2, 4}) {
        for (const int threads : {1, 3}) {
          spec.epochs = epochs;
          const EpochResult first = run(network, spec, data, per_epoch, true, threads).epochs.at(0);
          CAPTURE(per_epoch, epochs, threads);
          CHECK(first.train_loss == alone.train_loss);
          CHECK(first.test_loss == alone.test_loss);
          CHECK(first.test_accuracy == alone.test_accuracy);
        }
      }
    }
  }
}

TEST_CASE("weights that end an epoch beyond all numbers are a divergence of that epoch") {
  const Network network = mlp();
  // The first step takes finite losses to weights that fp32 does not hold.
  TrainSpec spec = classifying();
  spec.optimizer.learning_rate = 1e39;
  spec.optimizer.momentum = 0;
  for (const int test_samples : {0, kTestSamples}) {
    for (const int epochs : {1, 3}) {
      const RandomDataset data(network.input, 1, test_samples, kWidths[kStages], 0, 3);
      spec.epochs = epochs;
      const TrainingResult result = run(network, spec, data, 1, false);
      CAPTURE(test_samples, epochs);
      REQUIRE(result.divergence.has_value());
      CHECK(result.divergence->epoch == 0);
      CHECK(result.divergence->sample == Divergence::kNoSample);
      CHECK(result.divergence->value == DivergedValue::weights);
      CHECK(result.divergence->weight_version == 1);
      CHECK(result.complete_epochs == 0);
      REQUIRE(result.epochs.size() == 1);  // nothing runs on
      CHECK(std::isfinite(result.epochs[0].train_loss));
      if (test_samples > 0) CHECK(result.epochs[0].test_accuracy == 0);
    }
  }
}

TEST_CASE("a test loss beyond all numbers is a divergence, whatever training says") {
  /// Test samples a million million million times as large as those of training.
  class Outlying : public RandomDataset {
   public:
    using RandomDataset::RandomDataset;
    void read(Split split, std::int64_t i, std::uint64_t key, View<float> view) const override {
      RandomDataset::read(split, i, key, view);
      if (split == Split::test)
        for (int c = 0; c < view.channels; ++c) view.sample(0)[c] *= 3e37f;
    }
  };
  NetworkSpec spec;
  spec.input = Shape::features(3);
  LayerSpec layer;
  layer.name = "fc";
  layer.kind = LayerKind::linear;
  layer.out_features = 2;
  layer.bias = false;
  spec.layers.push_back(layer);
  const TensorMap weights = {{"fc.weight", {{2, 3}, {1000, 1000, 1000, -1000, -1000, -1000}}}};
  const Outlying data(spec.input, 5, 4, 2, 0, 3);
  const TrainingResult result = run(build_network(spec), classifying(), data, 5, false, 1, weights);
  REQUIRE(result.divergence.has_value());
  CHECK(result.divergence->value == DivergedValue::test_loss);
  CHECK(std::isfinite(result.epochs.at(0).train_loss));
  CHECK_FALSE(std::isfinite(*result.epochs.at(0).test_loss));
}

}  // namespace
}  // namespace stagecoach
