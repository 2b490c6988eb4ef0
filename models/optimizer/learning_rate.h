// SPDX-License-Identifier: Apache-2.0
// The learning rate over the run, and its scaling to another batch size.
#pragma once

#include <cmath>

#include "models/base/rounding.h"
#include "models/train_spec.h"

namespace stagecoach {

/// Factor on the base learning rate at a moment of the run. `epoch` is a real number: updates made
/// over updates per epoch. A boundary lies on the first update at or after it: the third drop of
/// every 0.2 epochs of ten updates on update 6, although 0.6 / 0.2 is less than 3 in doubles.
/// `final_factor` = final_learning_rate / learning_rate (cosine).
inline double learning_rate_factor(const LearningRateSpec& spec, double epoch, double epochs,
                                   double final_factor) {
  double warmup = 1.0;
  if (spec.warmup_epochs > 0 && !reaches(epoch, spec.warmup_epochs))
    warmup = epoch / spec.warmup_epochs;
  switch (spec.type) {
    case LearningRateSchedule::constant:
      return warmup;
    case LearningRateSchedule::step:
      return warmup * std::pow(spec.factor, rounded_floor(epoch / spec.step_epochs));
    case LearningRateSchedule::multistep: {
      int passed = 0;
      for (double m : spec.milestones) passed += reaches(epoch, m);
      return warmup * std::pow(spec.factor, passed);
    }
    case LearningRateSchedule::cosine:
      return warmup * (final_factor + (1 - final_factor) * 0.5 *
                                          (1 + std::cos(3.14159265358979323846 * epoch / epochs)));
  }
  return warmup;
}

/// Momentum and learning rate for batch size n, from values tuned at batch size n_r: the same decay
/// per sample and the same total contribution per sample (PB paper's scaling rule as derived in
/// docs/pipelined_backprop.md):
///   m = m_r^(n/n_r),   lr = lr_r (1-m) n / ((1-m_r) n_r)
struct ScaledHyperparameters {
  double learning_rate;
  double momentum;
};

inline ScaledHyperparameters scale_hyperparameters(double learning_rate, double momentum,
                                                   double reference_batch, double batch) {
  const double ratio = batch / reference_batch;
  if (ratio == 1) return {learning_rate, momentum};
  if (momentum == 0) return {learning_rate * ratio, 0.0};
  const double log_m = ratio * std::log(momentum);
  return {learning_rate * -std::expm1(log_m) * ratio / (1 - momentum), std::exp(log_m)};
}

}  // namespace stagecoach
