// SPDX-License-Identifier: Apache-2.0
// One linear weight, identity stages, squared loss: the convex quadratic with a delay. Is the decay
// per update that the engine shows the largest root of the characteristic polynomial?
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <vector>

#include "models/trainer.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

/// Input 1, target 0: the loss is w^2/2, its curvature 1, so eta lambda is the learning rate.
class OneSample : public test::RandomDataset {
 public:
  OneSample() : RandomDataset(Shape::features(1), 1, 0, 0, 1, 1) {}
  void read_target(Split, std::int64_t, double* target) const override { *target = 0; }
  void read(Split, std::int64_t, std::uint64_t, View<double> view) const override {
    *view.data = 1;
  }
};

struct Setting {
  int identities;  ///< stages: the linear one, these, the loss; D = 2 (identities + 1)
  double learning_rate;
  double momentum;
  MitigationSpec mitigation;
};

double weight_after(const Setting& s, MicroBatchId updates) {
  NetworkSpec spec;
  spec.input = Shape::features(1);
  LayerSpec linear;
  linear.name = "fc";
  linear.kind = LayerKind::linear;
  linear.out_features = 1;
  linear.bias = false;
  spec.layers.push_back(linear);
  for (int i = 0; i < s.identities; ++i) spec.layers.push_back(LayerSpec{});
  const Network network = build_network(spec);
  PartitionSpec modules;
  modules.kind = PartitionKind::per_module;
  const Partition partition = make_partition(network, modules);
  const int stages = static_cast<int>(partition.size());
  TrainSpec train;
  train.loss = LossKind::mean_squared_error;
  train.optimizer.learning_rate = s.learning_rate;
  train.optimizer.momentum = s.momentum;
  train.mitigation = s.mitigation;
  train.epochs = static_cast<int>(updates);
  TrainerOptions options;
  options.precision = Precision::f64;
  options.max_in_flight = 2 * stages;
  for (int k = 0; k < stages; ++k)
    options.policies.push_back({{2.0 * (stages - 1 - k), 0, 0}, false, 0});
  const OneSample data;
  auto trainer =
      make_trainer(network, partition, train, MicroBatchPlan(1, updates, 1, 1), data, options);
  trainer->import_weights({{"fc.weight", {{1, 1}, {1.0}}}}, "test");
  for (const Op& op : test::pipelined_order(stages, updates)) REQUIRE(trainer->emit(op));
  trainer->finish();
  return trainer->export_weights().at("fc.weight").values[0];
}

/// Largest modulus among the roots, by Weierstrass's simultaneous iteration; coefficients from the
/// constant term up. (Eigen's eigenvalues need larger fixed blocks than this build allows.)
std::complex<double> largest_root(const std::vector<double>& c) {
  const int n = static_cast<int>(c.size()) - 1;
  std::vector<std::complex<double>> roots;
  for (int i = 0; i < n; ++i) roots.push_back(std::pow(std::complex<double>(0.4, 0.9), i));
  for (int round = 0; round < 2000; ++round)
    for (int i = 0; i < n; ++i) {
      std::complex<double> value = 1;  // of the polynomial with leading coefficient 1
      for (int k = n - 1; k >= 0; --k) value = value * roots[i] + c[k] / c[n];
      for (int j = 0; j < n; ++j)
        if (j != i) value /= roots[i] - roots[j];
      roots[i] -= value;
    }
  std::complex<double> best = 0;
  for (const std::complex<double>& root : roots)
    if (std::abs(root) > std::abs(best)) best = root;
  return best;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c(a.size() + b.size() - 1, 0.0);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) c[i + j] += a[i] * b[j];
  return c;
}

std::vector<double> sum(std::vector<double> a, const std::vector<double>& b) {
  a.resize(std::max(a.size(), b.size()), 0.0);
  for (std::size_t i = 0; i < b.size(); ++i) a[i] += b[i];
  return a;
}

std::vector<double> power(int n) {
  std::vector<double> c(n + 1, 0.0);
  c[n] = 1;
  return c;
}

/// (z-1)(z-m) z^D + x (z-1) T + x [(a+b) z - b m] = 0 for the velocity form,
/// (z-1)(z-m) z^(D+1) + x [(a+b) z - b m] [(1+T) z - T] = 0 for the weight-difference form.
std::vector<double> polynomial(const Setting& s) {
  const int d = 2 * (s.identities + 1);
  const double m = s.momentum, x = s.learning_rate;
  double a = 1, b = 0;
  if (s.mitigation.spike_compensation) {
    a = std::pow(m, d);
    for (int j = 0; j < d; ++j) b += std::pow(m, j);
  }
  const double horizon = s.mitigation.weight_prediction == WeightPrediction::none
                             ? 0
                             : s.mitigation.prediction_horizon * d;
  const std::vector<double> free = product({-1, 1}, {-m, 1});
  const std::vector<double> drive{-x * b * m, x * (a + b)};
  if (s.mitigation.weight_prediction == WeightPrediction::weight_difference)
    return sum(product(free, power(d + 1)), product(drive, {-horizon, 1 + horizon}));
  return sum(sum(product(free, power(d)), {-x * horizon, x * horizon}), drive);
}

/// Modulus of the dominant root from four consecutive weights late in the run: for a complex pair
/// x_(t+1)^2 - x_t x_(t+2) shrinks by its square every update; for a real root the ratio is enough.
double measured_rate(const Setting& s, bool complex_pair, MicroBatchId late) {
  double w[4];
  for (int i = 0; i < 4; ++i) w[i] = weight_after(s, late + i);
  if (!complex_pair) return std::abs(w[3] / w[2]);
  return std::sqrt((w[2] * w[2] - w[1] * w[3]) / (w[1] * w[1] - w[0] * w[2]));
}

TEST_CASE("the decay on a quadratic is the largest root of the characteristic polynomial") {
  std::vector<MitigationSpec> mitigations(1);
  for (WeightPrediction p :
       {WeightPrediction::none, WeightPrediction::velocity, WeightPrediction::weight_difference})
    for (bool spike : {false, true}) {
      MitigationSpec m;
      m.weight_prediction = p;
      m.spike_compensation = spike;
      mitigations.push_back(m);
    }
  for (const MitigationSpec& mitigation : mitigations)
    for (int identities : {0, 2})
      for (double momentum : {0.5, 0.9}) {
        const Setting s{identities, 0.004, momentum, mitigation};
        const std::complex<double> root = largest_root(polynomial(s));
        const double rate = measured_rate(s, std::abs(root.imag()) > 1e-9, 900);
        INFO("identities " << identities << ", momentum " << momentum << ", prediction "
                           << static_cast<int>(mitigation.weight_prediction) << ", spike "
                           << mitigation.spike_compensation << ", root " << root);
        CHECK(std::abs(rate - std::abs(root)) < 1e-6);
      }
}

TEST_CASE("beyond the root's stability limit the quadratic grows, before it shrinks") {
  // Bisection for the learning rate at which the largest root reaches modulus one.
  Setting s{1, 0, 0.5, {}};
  double low = 1e-4, high = 2;
  while (high - low > 1e-9) {
    s.learning_rate = (low + high) / 2;
    (std::abs(largest_root(polynomial(s))) < 1 ? low : high) = s.learning_rate;
  }
  s.learning_rate = 0.97 * low;
  CHECK(std::abs(weight_after(s, 2000)) < 1e-3);
  s.learning_rate = 1.03 * low;
  CHECK(std::abs(weight_after(s, 2000)) > 1e3);
}

}  // namespace
}  // namespace stagecoach
