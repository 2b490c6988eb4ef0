// SPDX-License-Identifier: Apache-2.0
// Whole networks of the families, blocks, skip connections and loss together: the gradient that one
// update applies against central differences of the loss, and 32-bit against 64-bit arithmetic.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "models/base/random.h"
#include "models/graph/families.h"
#include "models/trainer.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

constexpr int kSamples = 2;

struct Case {
  std::string name;
  FamilySpec spec;
};

FamilySpec small(Family family, Shape input, double width) {
  FamilySpec spec = default_family_spec(family);
  spec.input = input;
  spec.width = width;
  if (spec.norm_groups > 0) spec.norm_groups = 4;
  return spec;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"lenet5", small(Family::lenet5, Shape::image(1, 28, 28), 1)});
  all.push_back({"alexnet", small(Family::alexnet, Shape::image(3, 32, 32), 0.125)});
  all.back().spec.norm = FamilyNorm::local_response_norm;
  all.push_back({"vgg11", small(Family::vgg, Shape::image(3, 32, 32), 0.125)});
  all.back().spec.depth = 11;
  const std::pair<const char*, FamilyNorm> norms[] = {
      {"none", FamilyNorm::none},
      {"batch_norm2d", FamilyNorm::batch_norm2d},
      {"group_norm", FamilyNorm::group_norm},
      {"layer_norm", FamilyNorm::layer_norm},
      {"filter_response_norm", FamilyNorm::filter_response_norm}};
  for (const bool preactivation : {false, true})
    for (const auto& [word, norm] : norms) {
      FamilySpec spec = small(Family::resnet_cifar, Shape::image(3, 16, 16), 1);
      spec.depth = 8;
      spec.norm = norm;
      spec.preactivation = preactivation;
      if (norm != FamilyNorm::group_norm) spec.norm_groups = 0;
      all.push_back({std::string("resnet_cifar ") + word + (preactivation ? ", pre" : ""), spec});
    }
  all.push_back({"resnet50", small(Family::resnet50, Shape::image(3, 32, 32), 0.125)});
  return all;
}

class Gradients {
 public:
  explicit Gradients(const FamilySpec& spec)
      : network_(build_network(build_family(spec))),
        partition_(make_partition(network_, {})),
        data_(spec.input, kSamples, 0, spec.classes, 1, 1) {}

  /// First weights. Thresholds start at zero, where the sum of two values at theirs meets the kink
  /// of the relu behind it exactly: moved away.
  TensorMap weights() const {
    TensorMap weights = make(0, Precision::f64)->export_weights();
    Random random(5);
    for (auto& [name, tensor] : weights)
      if (name.find(".threshold") != std::string::npos)
        for (double& value : tensor.values) value = 0.1 * random.normal();
    return weights;
  }

  double loss(const TensorMap& weights) const {
    auto trainer = make(0, Precision::f64);
    return run(*trainer, weights).epochs.at(0).train_loss;
  }

  /// One update of plain SGD at rate one changes the weights by minus the gradient. In 32-bit
  /// arithmetic so small a gradient would drown in the weights' rounding: momentum-free steps of
  /// `rate` are divided by it.
  TensorMap gradient(const TensorMap& weights, Precision precision, double rate,
                     Kernels kernels = Kernels::eigen) const {
    auto trainer = make(rate, precision, kernels);
    run(*trainer, weights);
    TensorMap gradients = trainer->export_weights();
    for (auto& [name, tensor] : gradients)
      for (std::size_t i = 0; i < tensor.values.size(); ++i)
        tensor.values[i] = (weights.at(name).values[i] - tensor.values[i]) / rate;
    return gradients;
  }

  bool trained(const std::string& name) const {
    return name.find(".running_") == std::string::npos;
  }

 private:
  std::unique_ptr<Trainer> make(double rate, Precision precision,
                                Kernels kernels = Kernels::eigen) const {
    TrainSpec train;
    train.batch_size = train.micro_batch_size = kSamples;
    train.optimizer.learning_rate = rate;
    train.optimizer.momentum = 0;
    TrainerOptions options;
    options.precision = precision;
    options.kernels = kernels;
    options.shuffle = false;
    options.policies.resize(partition_.size());
    options.max_in_flight = 1;
    return make_trainer(network_, partition_, train,
                        MicroBatchPlan(kSamples, 1, kSamples, kSamples), data_, options);
  }
  TrainingResult run(Trainer& trainer, const TensorMap& weights) const {
    trainer.import_weights(weights, "test");
    for (const Op& op : test::sequential_order(static_cast<int>(partition_.size()), 1))
      trainer.emit(op);
    trainer.finish();
    return trainer.result();
  }

  Network network_;
  Partition partition_;
  test::RandomDataset data_;
};

double norm_of(const std::vector<double>& v) {
  double sum = 0;
  for (double x : v) sum += x * x;
  return std::sqrt(sum);
}

/// Along a direction that is half the gradient's own, half random, so that neither a wrong length
/// nor a wrong direction can hide.
std::vector<double> direction(const std::vector<double>& gradient, Random& random) {
  std::vector<double> d(gradient.size());
  for (double& x : d) x = random.normal();
  const double scale = norm_of(d), length = norm_of(gradient);
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = d[i] / scale + gradient[i] / length;
  return d;
}

TEST_CASE("every family's gradient agrees with central differences to 1e-6") {
  for (const Case& c : cases()) {
    const Gradients gradients(c.spec);
    TensorMap weights = gradients.weights();
    const TensorMap analytic = gradients.gradient(weights, Precision::f64, 1);
    Random random(3);
    for (const auto& [name, tensor] : analytic) {
      const double length = norm_of(tensor.values);
      if (!gradients.trained(name) || length < 1e-9) continue;  // e.g. a bias before a batch norm
      const std::vector<double> d = direction(tensor.values, random);
      // Small against the distance to the next kink of a relu or a maximum.
      const double step = 1e-7;
      std::vector<double>& w = weights.at(name).values;
      const std::vector<double> before = w;
      double along = 0, losses[2];
      for (int side = 0; side < 2; ++side) {
        for (std::size_t i = 0; i < w.size(); ++i) w[i] = before[i] + (side ? -step : step) * d[i];
        losses[side] = gradients.loss(weights);
      }
      w = before;
      for (std::size_t i = 0; i < w.size(); ++i) along += d[i] * tensor.values[i];
      INFO(c.name << " " << name << " gradient of length " << length);
      // The loss is known to 1e-15: 1e-8 of rounding in the difference quotient.
      const double difference = (losses[0] - losses[1]) / (2 * step);
      CHECK(std::abs(difference - along) < 1e-6 * length + 1.5e-8);
    }
  }
}

TEST_CASE("32-bit gradients of every family are within 2e-5 of the 64-bit ones") {
  for (const Case& c : cases()) {
    const Gradients gradients(c.spec);
    const TensorMap weights = gradients.weights();
    const TensorMap exact = gradients.gradient(weights, Precision::f64, 1);
    for (const Kernels kernels : {Kernels::fast, Kernels::eigen}) {
      const TensorMap rounded = gradients.gradient(weights, Precision::f32, 16, kernels);
      for (const auto& [name, tensor] : exact) {
        if (!gradients.trained(name) || norm_of(tensor.values) < 1e-6) continue;
        std::vector<double> error = tensor.values;
        for (std::size_t i = 0; i < error.size(); ++i) error[i] -= rounded.at(name).values[i];
        INFO(c.name << " " << name << " by " << to_word(kernels));
        CHECK(norm_of(error) < 2e-5 * norm_of(tensor.values));
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
