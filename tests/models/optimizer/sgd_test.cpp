// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/sgd.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "models/optimizer/learning_rate.h"

namespace stagecoach {
namespace {

TEST_CASE("spike coefficients equal their printed check values") {
  const double m = std::pow(0.9, 1.0 / 128);
  CHECK(m == Approx(0.9991772096).margin(1e-10));
  const double delays[] = {6, 18, 66, 102, 138, 174, 336};
  const double a[] = {0.995073, 0.985293, 0.947123, 0.919469, 0.892622, 0.866560, 0.758380};
  const double b[] = {5.9877, 17.8747, 64.2657, 97.8757, 130.5044, 162.1804, 293.6599};
  for (int i = 0; i < 7; ++i) {
    const SpikeCoefficients c = spike_coefficients(m, delays[i]);
    CHECK(c.a == Approx(a[i]).margin(6e-7));
    CHECK(c.b == Approx(b[i]).margin(6e-5));
  }
}

TEST_CASE("spike compensation without delay is SGD, with delay one Nesterov") {
  CHECK(spike_coefficients(0.9, 0).a == 1);
  CHECK(spike_coefficients(0.9, 0).b == 0);
  CHECK(spike_coefficients(0.9, 1).a == Approx(0.9).epsilon(1e-15));
  CHECK(spike_coefficients(0.9, 1).b == Approx(1.0).epsilon(1e-15));
  CHECK(spike_coefficients(0.0, 5).b == 1);
}

TEST_CASE("a unit gradient's displacement catches up with the undelayed one after D updates") {
  const double m = 0.9, lr = 0.1;
  for (int d : {1, 4, 9}) {
    const SpikeCoefficients c = spike_coefficients(m, d);
    std::vector<double> undelayed, compensated;
    double v = 0, w = 0;
    for (int t = 0; t < 40; ++t) {
      v = m * v + (t == 0);
      w -= lr * v;
      undelayed.push_back(w);
    }
    v = w = 0;
    for (int t = 0; t < 40; ++t) {
      const double g = t == d;
      v = m * v + g;
      w -= lr * (c.a * v + c.b * g);
      compensated.push_back(w);
    }
    for (int t = d; t < 40; ++t) CHECK(compensated[t] == Approx(undelayed[t]).epsilon(1e-12));
  }
}

TEST_CASE("batch-size scaling gives the known values") {
  const struct {
    double lr, m, from, to, momentum, rate;
  } rows[] = {{0.1, 0.9, 128, 1, 0.9991772096, 6.428050e-06},
              {0.05, 0.9, 128, 1, 0.9991772096, 3.214025e-06},
              {0.1, 0.9, 256, 1, 0.9995885202, 1.607343e-06},
              {0.1, 0.9, 256, 32, 0.9869162814, 1.635465e-03}};
  for (const auto& r : rows) {
    const ScaledHyperparameters s = scale_hyperparameters(r.lr, r.m, r.from, r.to);
    CHECK(s.momentum == Approx(r.momentum).margin(5e-11));
    CHECK(s.learning_rate == Approx(r.rate).epsilon(5e-7));
  }
  CHECK(scale_hyperparameters(0.1, 0.0, 128, 1).learning_rate == Approx(0.1 / 128));
}

TEST_CASE("learning-rate schedules follow their formulas, warm-up before any") {
  LearningRateSpec s;
  s.type = LearningRateSchedule::step;
  s.step_epochs = 30;
  s.factor = 0.5;
  CHECK(learning_rate_factor(s, 29.999, 100, 0) == 1);
  CHECK(learning_rate_factor(s, 60, 100, 0) == 0.25);
  s.type = LearningRateSchedule::multistep;
  s.milestones = {10, 20};
  CHECK(learning_rate_factor(s, 9.9, 100, 0) == 1);
  CHECK(learning_rate_factor(s, 20, 100, 0) == 0.25);
  s.type = LearningRateSchedule::cosine;
  CHECK(learning_rate_factor(s, 50, 100, 0.2) == Approx(0.6));
  CHECK(learning_rate_factor(s, 100, 100, 0.2) == Approx(0.2));
  s.type = LearningRateSchedule::constant;
  s.warmup_epochs = 4;
  CHECK(learning_rate_factor(s, 1, 100, 0) == 0.25);
  CHECK(learning_rate_factor(s, 4, 100, 0) == 1);
}

TEST_CASE("weight decay may spare norms and biases") {
  TrainSpec spec;
  spec.optimizer.weight_decay = 0.1;
  spec.optimizer.decay_norm_and_bias = false;
  const auto rule = make_update_rule<double>(spec, {}, 1);
  std::vector<double> w{1.0}, v{0.0}, g{0.0};
  double* const state[] = {v.data()};
  UpdateArrays<double> a;
  a.weights = w.data();
  a.gradient = g.data();
  a.state = state;
  a.n = 1;
  rule->apply(true, a);
  CHECK(w[0] == 1.0);
  rule->apply(false, a);
  CHECK(w[0] == Approx(1.0 - 0.01 * 0.1));
}

TEST_CASE("pipemare's learning rate starts at lr over the delay and ends at lr") {
  TrainSpec spec;
  spec.optimizer.learning_rate = 0.8;
  spec.mitigation.pipemare_learning_rate = true;
  spec.mitigation.pipemare_anneal_epochs = 2;
  StageDelay delay;
  delay.delay = 16;
  CHECK(sgd_constants(spec, delay, 0, 10).learning_rate == Approx(0.05));
  CHECK(sgd_constants(spec, delay, 10, 10).learning_rate == Approx(0.2));
  CHECK(sgd_constants(spec, delay, 20, 10).learning_rate == Approx(0.8));
}

TEST_CASE("SGD declares its state, its predicted weights and its multiply-adds") {
  struct Row {
    std::string what;
    std::function<void(TrainSpec&)> change;
    std::vector<std::string> stored;  // on the accelerator; the engine has a velocity in any case
    bool forward, backward;
    int multiply_adds;
  };
  const auto predict = [](WeightPrediction how) {
    return [how](TrainSpec& s) { s.mitigation.weight_prediction = how; };
  };
  const std::vector<Row> rows{
      {"plain", [](TrainSpec&) {}, {}, false, false, 1},
      {"momentum", [](TrainSpec& s) { s.optimizer.momentum = 0.9; }, {"velocity"}, false, false, 2},
      {"decay", [](TrainSpec& s) { s.optimizer.weight_decay = 0.1; }, {}, false, false, 2},
      {"velocity", predict(WeightPrediction::velocity), {}, true, false, 2},
      {"spectrain", predict(WeightPrediction::spectrain), {}, true, true, 2},
      {"weight difference",
       predict(WeightPrediction::weight_difference),
       {"weights_before"},
       true,
       false,
       2},
      {"pipemare",
       [](TrainSpec& s) { s.mitigation.pipemare_discrepancy_correction = true; },
       {"averaged_difference"},
       false,
       true,
       2}};
  for (const Row& row : rows) {
    INFO(row.what);
    TrainSpec spec;
    row.change(spec);
    const UpdateDeclaration late = declare_update(spec, {3, 2, 1});
    std::vector<std::string> stored;
    for (const StateArray& array : late.state)
      if (array.stored) stored.push_back(array.name);
    CHECK(stored == row.stored);
    CHECK(late.stored_words() == static_cast<int>(row.stored.size()));
    CHECK(late.state[0].name == "velocity");
    CHECK(late.predicts_forward == row.forward);
    CHECK(late.predicts_backward == row.backward);
    CHECK(late.multiply_adds == row.multiply_adds);
    const UpdateDeclaration on_time = declare_update(spec, {});
    CHECK(on_time.state.size() == 1);
    CHECK_FALSE(on_time.predicts_forward);
    CHECK_FALSE(on_time.predicts_backward);
  }
}

TEST_CASE("a rule says when the constants of its update changed") {
  TrainSpec spec;
  spec.mitigation.spike_compensation = true;
  const auto constant = make_update_rule<float>(spec, {2, 0, 0}, 10);
  CHECK_FALSE(constant->set({2, 0, 0}, 0));
  CHECK_FALSE(constant->set({2, 0, 0}, 7));
  CHECK(constant->set({3, 0, 0}, 8));
  spec.optimizer.learning_rate_schedule.warmup_epochs = 1;
  const auto rising = make_update_rule<float>(spec, {2, 0, 0}, 10);
  CHECK_FALSE(rising->set({2, 0, 0}, 0));
  CHECK(rising->set({2, 0, 0}, 5));
  CHECK(rising->fused(false)->step_gradient == Approx(0.5 * 0.01));
}

}  // namespace
}  // namespace stagecoach
