// SPDX-License-Identifier: Apache-2.0
// Stochastic gradient descent with momentum, and every mitigation of stale weights, as one small
// set of constants per stage and update.
//
// Notation: w weights, v velocity, g gradient (weight decay added), lr learning rate, m momentum,
// D the stage's delay in updates. Formulas marked [derived] follow from the papers' definitions;
// docs/pipelined_backprop.md has the derivations.
#pragma once

#include "models/optimizer/update_rule.h"

namespace stagecoach {

/// a and b of spike compensation: w -= lr (a v + b g) with a = m^D, b = (1 - m^D)/(1 - m), so that
/// a gradient's contribution that the delay held back is added at once [derived, algorithms: PB
/// paper]. D = 0 gives (1, 0); D = 1 gives Nesterov's (m, 1).
struct SpikeCoefficients {
  double a = 1;
  double b = 0;
};
SpikeCoefficients spike_coefficients(double momentum, double delay);

/// Constants of one update of one stage.
struct SgdConstants {
  double learning_rate = 0;
  double momentum = 0;
  double weight_decay = 0;         ///< on weight matrices and kernels
  double norm_and_bias_decay = 0;  ///< on norms and biases
  double velocity_factor = 1;      ///< a:  w -= lr (a v + b g)
  double gradient_factor = 0;      ///< b
  /// LWPv: the forward reads w - lr T v. LWPw: w + T (w - w_before). T in updates.
  WeightPrediction prediction = WeightPrediction::none;
  double forward_horizon = 0;
  /// SpecTrain: the backward reads w - lr T v as well.
  double backward_horizon = 0;
  /// PipeMare T2: the backward reads w - span delta, delta = gamma delta + (1-gamma)(w - w_before).
  /// The published formula could not be checked; it is the form of public re-implementations.
  double discrepancy_span = 0;
  double discrepancy_gamma = 0;

  bool predicts_forward() const { return forward_horizon != 0; }
  bool predicts_backward() const { return backward_horizon != 0 || discrepancy_span != 0; }
  bool predicts_by_difference() const {
    return predicts_forward() && prediction == WeightPrediction::weight_difference;
  }
  /// True if UpdateCoefficients say all.
  bool linear() const { return !predicts_backward() && !predicts_by_difference(); }

  template <class T>
  UpdateCoefficients<T> coefficients(bool norm_or_bias) const {
    UpdateCoefficients<T> c;
    c.momentum = static_cast<T>(momentum);
    c.weight_decay = static_cast<T>(norm_or_bias ? norm_and_bias_decay : weight_decay);
    c.step_velocity = static_cast<T>(learning_rate * velocity_factor);
    c.step_gradient = static_cast<T>(learning_rate * gradient_factor);
    c.step_prediction = static_cast<T>(learning_rate * forward_horizon);
    return c;
  }
};

/// Constants for the update of mini-batch `batch` (from 0) out of `batches_per_epoch`.
SgdConstants sgd_constants(const TrainSpec& train, const StageDelay& delay, std::int64_t batch,
                           std::int64_t batches_per_epoch);

UpdateDeclaration declare_sgd(const TrainSpec& train, const StageDelay& delay);

template <class T>
std::unique_ptr<UpdateRule<T>> make_sgd(const TrainSpec& train, const StageDelay& delay,
                                        std::int64_t batches_per_epoch);

}  // namespace stagecoach
