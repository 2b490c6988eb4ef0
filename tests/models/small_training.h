// SPDX-License-Identifier: Apache-2.0
// A perceptron of four stages, its data and its training, for tests of what a trainer computes.
#pragma once

#include <catch2/catch.hpp>

#include "models/trainer.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::test {

constexpr int kWidths[] = {7, 11, 9, 5, 3};
constexpr int kStages = 4;
constexpr int kSamples = 100;

inline Network mlp() {
  NetworkSpec spec;
  spec.input = Shape::features(kWidths[0]);
  for (int k = 0; k < kStages; ++k) {
    LayerSpec fc;
    fc.name = "fc" + std::to_string(k);
    fc.kind = LayerKind::linear;
    fc.out_features = kWidths[k + 1];
    fc.bias = false;
    spec.layers.push_back(fc);
    LayerSpec act;
    act.kind = LayerKind::tanh;
    if (k + 1 < kStages) spec.layers.push_back(act);
  }
  return build_network(spec);
}

inline TensorMap first_weights() {
  Random random(5);
  TensorMap tensors;
  for (int k = 0; k < kStages; ++k) {
    HostTensor t{{kWidths[k + 1], kWidths[k]}, {}};
    for (int i = 0; i < kWidths[k] * kWidths[k + 1]; ++i) t.values.push_back(0.5 * random.normal());
    tensors["fc" + std::to_string(k) + ".weight"] = t;
  }
  return tensors;
}

inline TrainSpec base_spec() {
  TrainSpec spec;
  spec.loss = LossKind::mean_squared_error;
  spec.optimizer.learning_rate = 0.01;
  spec.optimizer.momentum = 0.9;
  spec.optimizer.weight_decay = 0.003;
  return spec;
}

inline std::vector<StagePolicy> pipelined_policies(bool stash) {
  std::vector<StagePolicy> policies(kStages);
  for (int k = 0; k < kStages; ++k) {
    policies[k].delay = {2.0 * (kStages - 1 - k), 2.0 * (kStages - 1) - k, 1.0 * k};
    policies[k].stash = stash;
  }
  return policies;
}

inline RandomDataset samples() {
  return {Shape::features(kWidths[0]), kSamples, 10, 0, kWidths[kStages], 3};
}

inline TensorMap train(const Network& network, const PartitionSpec& partition_spec,
                       const TrainSpec& spec, const std::vector<StagePolicy>& policies,
                       const std::vector<Op>& order, int threads,
                       Precision precision = Precision::f64, TrainingResult* result = nullptr) {
  const RandomDataset data = samples();
  const Partition partition = make_partition(network, partition_spec);
  const MicroBatchPlan plan(kSamples, spec.epochs, spec.batch_size, spec.micro_batch_size);
  TrainerOptions options;
  options.threads = threads;
  options.precision = precision;
  options.shuffle = false;
  options.policies = policies;
  options.max_in_flight = 2 * kStages;
  auto trainer = make_trainer(network, partition, spec, plan, data, options);
  trainer->import_weights(first_weights(), "test");
  for (const Op& op : order) REQUIRE(trainer->emit(op));
  trainer->finish();
  if (result) *result = trainer->result();
  return trainer->export_weights();
}

}  // namespace stagecoach::test
