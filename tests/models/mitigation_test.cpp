// SPDX-License-Identifier: Apache-2.0
// Is a mitigation exact? Each against an independent re-computation.
#include <catch2/catch.hpp>

#include "models/optimizer/learning_rate.h"
#include "tests/models/small_training.h"
#include "tests/support/delayed_mlp.h"
#include "tests/support/order_of_operations.h"

namespace stagecoach {
namespace {

using namespace test;  // NOLINT: tests

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

void check(const Case& c, bool stash, bool recompute) {
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
    rules[k].recompute = recompute;
    c.rule(rules[k], 2 * (kStages - 1 - k), k);
  }
  const Network network = mlp();
  PartitionSpec partition;
  if (recompute) partition.recompute.kind = RecomputeKind::all;
  const TensorMap trained = train(network, partition, spec, pipelined_policies(stash),
                                  test::pipelined_order(kStages, kSamples), 2);
  INFO(c.name << (stash ? ", stashed" : "") << (recompute ? ", recomputed" : ""));
  CHECK(distance(trained, reference(rules)) < 1e-10);
}

TEST_CASE("after 100 pipelined updates every mitigation equals its written-out queues") {
  for (bool recompute : {false, true}) {
    for (const Case& c : cases())
      for (bool stash : {false, true}) check(c, stash, recompute);
    for (const Case& c : cases_without_stash()) check(c, false, recompute);
  }
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

}  // namespace
}  // namespace stagecoach
