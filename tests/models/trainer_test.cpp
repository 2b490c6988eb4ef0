// SPDX-License-Identifier: Apache-2.0
// Is the training exact? Every mitigation against an independent re-computation; threads and
// partitions must not show.
#include "models/trainer.h"

#include <catch2/catch.hpp>

#include "models/optimizer/learning_rate.h"
#include "tests/support/delayed_mlp.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

using test::DelayedMlp;
using test::Mat;
using test::RandomDataset;
using test::ReferenceRule;
using test::Vec;

constexpr int kWidths[] = {7, 11, 9, 5, 3};
constexpr int kStages = 4;
constexpr int kSamples = 100;

Network mlp() {
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

TensorMap first_weights() {
  Random random(5);
  TensorMap tensors;
  for (int k = 0; k < kStages; ++k) {
    HostTensor t{{kWidths[k + 1], kWidths[k]}, {}};
    for (int i = 0; i < kWidths[k] * kWidths[k + 1]; ++i) t.values.push_back(0.5 * random.normal());
    tensors["fc" + std::to_string(k) + ".weight"] = t;
  }
  return tensors;
}

TrainSpec base_spec() {
  TrainSpec spec;
  spec.loss = LossKind::mean_squared_error;
  spec.optimizer.learning_rate = 0.01;
  spec.optimizer.momentum = 0.9;
  spec.optimizer.weight_decay = 0.003;
  return spec;
}

std::vector<StagePolicy> pipelined_policies(bool stash) {
  std::vector<StagePolicy> policies(kStages);
  for (int k = 0; k < kStages; ++k) {
    policies[k].delay = {2.0 * (kStages - 1 - k), 2.0 * (kStages - 1) - k, 1.0 * k};
    policies[k].stash = stash;
  }
  return policies;
}

RandomDataset samples() {
  return {Shape::features(kWidths[0]), kSamples, 10, 0, kWidths[kStages], 3};
}

TensorMap train(const Network& network, const PartitionSpec& partition_spec, const TrainSpec& spec,
                const std::vector<StagePolicy>& policies, const std::vector<Op>& order, int threads,
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

std::vector<Mat> reference(
    const std::vector<ReferenceRule>& rules,
    const std::function<void(ReferenceRule&, int delay, int stage)>& on_delay = {}) {
  const RandomDataset data = samples();
  const TensorMap tensors = first_weights();
  std::vector<Mat> weights;
  for (int k = 0; k < kStages; ++k) {
    const HostTensor& t = tensors.at("fc" + std::to_string(k) + ".weight");
    Mat m(kWidths[k + 1], Vec(kWidths[k]));
    for (int o = 0; o < kWidths[k + 1]; ++o)
      for (int i = 0; i < kWidths[k]; ++i) m[o][i] = t.values[o * kWidths[k] + i];
    weights.push_back(m);
  }
  std::vector<Vec> inputs, targets;
  for (int s = 0; s < kSamples; ++s) {
    Vec x, t(kWidths[kStages]);
    for (int i = 0; i < kWidths[0]; ++i) x.push_back(data.pixel(Split::train, s, i));
    data.read_target(Split::train, s, t.data());
    inputs.push_back(x);
    targets.push_back(t);
  }
  DelayedMlp mlp(weights, rules);
  mlp.on_delay(on_delay);
  mlp.train(inputs, targets);
  return mlp.weights();
}

/// Largest difference relative to the largest weight of the tensor: 1e-10 leaves room for another
/// order of summation over 100 updates, none for a wrong rule.
double distance(const TensorMap& tensors, const std::vector<Mat>& expected) {
  double worst = 0;
  for (int k = 0; k < kStages; ++k) {
    const HostTensor& t = tensors.at("fc" + std::to_string(k) + ".weight");
    double scale = 0, error = 0;
    for (int o = 0; o < kWidths[k + 1]; ++o)
      for (int i = 0; i < kWidths[k]; ++i) {
        scale = std::max(scale, std::abs(expected[k][o][i]));
        error = std::max(error, std::abs(expected[k][o][i] - t.values[o * kWidths[k] + i]));
      }
    worst = std::max(worst, error / scale);
  }
  return worst;
}

/// A mitigation in the engine's words and in the reference's.
struct Case {
  std::string name;
  MitigationSpec mitigation;
  std::function<void(ReferenceRule&, double delay, int stage)> rule;
  bool nesterov = false;
};

std::vector<Case> cases() {
  const double m = 0.9;
  auto spike = [m](ReferenceRule& r, double d, int) {
    r.a = std::pow(m, d);
    r.b = 0;
    for (int j = 0; j < d; ++j) r.b += std::pow(m, j);
  };
  std::vector<Case> all;
  MitigationSpec none;
  all.push_back({"plain", none, [](ReferenceRule&, double, int) {}});
  all.push_back({"nesterov", none,
                 [m](ReferenceRule& r, double, int) {
                   r.a = m;
                   r.b = 1;
                 },
                 true});
  MitigationSpec sc = none;
  sc.spike_compensation = true;
  all.push_back({"spike compensation", sc, spike});
  MitigationSpec velocity = none;
  velocity.weight_prediction = WeightPrediction::velocity;
  all.push_back({"velocity prediction", velocity,
                 [](ReferenceRule& r, double d, int) { r.velocity_horizon = d; }});
  velocity.prediction_horizon = 2;
  all.push_back({"velocity prediction, horizon 2 D", velocity,
                 [](ReferenceRule& r, double d, int) { r.velocity_horizon = 2 * d; }});
  MitigationSpec difference = none;
  difference.weight_prediction = WeightPrediction::weight_difference;
  all.push_back({"weight difference", difference,
                 [](ReferenceRule& r, double d, int) { r.difference_horizon = d; }});
  MitigationSpec both = sc;
  both.weight_prediction = WeightPrediction::velocity;
  all.push_back({"velocity prediction and spike compensation", both,
                 [spike](ReferenceRule& r, double d, int k) {
                   spike(r, d, k);
                   r.velocity_horizon = d;
                 }});
  both.weight_prediction = WeightPrediction::weight_difference;
  all.push_back({"weight difference and spike compensation", both,
                 [spike](ReferenceRule& r, double d, int k) {
                   spike(r, d, k);
                   r.difference_horizon = d;
                 }});
  MitigationSpec shrink = none;
  shrink.gradient_shrinking = 0.7;
  all.push_back(
      {"gradient shrinking", shrink, [](ReferenceRule& r, double, int) { r.shrink = 0.7; }});
  MitigationSpec rate = none;
  rate.pipemare_learning_rate = true;
  rate.pipemare_anneal_epochs = 1e12;  // p stays 1: the rate is lr / D
  all.push_back({"pipemare learning rate", rate, [](ReferenceRule& r, double d, int) {
                   if (d > 1) r.learning_rate /= d;
                 }});
  return all;
}

std::vector<Case> cases_without_stash() {
  std::vector<Case> all;
  MitigationSpec spectrain;
  spectrain.weight_prediction = WeightPrediction::spectrain;
  all.push_back({"spectrain", spectrain, [](ReferenceRule& r, double, int k) {
                   r.velocity_horizon = 2 * (kStages - 1) - k;
                   r.backward_horizon = k;
                 }});
  MitigationSpec pipemare;
  pipemare.pipemare_discrepancy_correction = true;
  pipemare.pipemare_decay = 0.3;
  all.push_back({"pipemare discrepancy correction", pipemare, [](ReferenceRule& r, double d, int) {
                   if (d > 0) {
                     r.span = d;
                     r.gamma = std::pow(0.3, 1 / d);
                   }
                 }});
  return all;
}

void check(const Case& c, bool stash) {
  TrainSpec spec = base_spec();
  spec.mitigation = c.mitigation;
  spec.mitigation.weight_stashing = stash;
  spec.optimizer.nesterov = c.nesterov;
  std::vector<ReferenceRule> rules(kStages);
  for (int k = 0; k < kStages; ++k) {
    rules[k].learning_rate = spec.optimizer.learning_rate;
    rules[k].momentum = spec.optimizer.momentum;
    rules[k].weight_decay = spec.optimizer.weight_decay;
    rules[k].stash = stash;
    c.rule(rules[k], 2 * (kStages - 1 - k), k);
  }
  const Network network = mlp();
  const TensorMap trained = train(network, {}, spec, pipelined_policies(stash),
                                  test::pipelined_order(kStages, kSamples), 2);
  INFO(c.name << (stash ? ", stashed" : ""));
  CHECK(distance(trained, reference(rules)) < 1e-10);
}

TEST_CASE("after 100 pipelined updates every mitigation equals its written-out queues") {
  for (const Case& c : cases())
    for (bool stash : {false, true}) check(c, stash);
  for (const Case& c : cases_without_stash()) check(c, false);
}

TEST_CASE("with measured delays every update's own delay counts, whatever the closed form says") {
  const Network network = mlp();
  for (const Case& c : cases()) {
    const bool knows_delay = c.mitigation.spike_compensation ||
                             c.mitigation.pipemare_learning_rate ||
                             c.mitigation.weight_prediction != WeightPrediction::none;
    if (!knows_delay) continue;
    TrainSpec spec = base_spec();
    spec.mitigation = c.mitigation;
    spec.mitigation.delay = DelaySource::measured;
    std::vector<StagePolicy> policies(kStages);
    for (StagePolicy& p : policies) p.delay.delay = 17;
    ReferenceRule plain;
    plain.learning_rate = spec.optimizer.learning_rate;
    plain.momentum = spec.optimizer.momentum;
    plain.weight_decay = spec.optimizer.weight_decay;
    const auto change = [&](ReferenceRule& r, int delay, int k) {
      r = plain;
      c.rule(r, delay, k);
    };
    INFO(c.name);
    const TensorMap trained =
        train(network, {}, spec, policies, test::pipelined_order(kStages, kSamples), 2);
    CHECK(distance(trained, reference(std::vector<ReferenceRule>(kStages, plain), change)) < 1e-10);
  }
}

TEST_CASE("the mitigations really differ from each other") {
  const Network network = mlp();
  std::vector<TensorMap> results;
  for (const Case& c : cases()) {
    TrainSpec spec = base_spec();
    spec.mitigation = c.mitigation;
    spec.optimizer.nesterov = c.nesterov;
    results.push_back(train(network, {}, spec, pipelined_policies(false),
                            test::pipelined_order(kStages, kSamples), 1));
  }
  for (std::size_t a = 0; a < results.size(); ++a)
    for (std::size_t b = a + 1; b < results.size(); ++b)
      CHECK(results[a].at("fc0.weight").values != results[b].at("fc0.weight").values);
}

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
