// SPDX-License-Identifier: Apache-2.0
// What one stage does with a gradient, and which weights its passes read: SGD and every mitigation
// of stale weights as one small set of constants per stage and update.
//
// Notation: w weights, v velocity, g gradient (weight decay added), lr learning rate, m momentum,
// D the stage's delay in updates. Formulas marked [derived] follow from the papers' definitions;
// docs/pipelined_backprop.md has the derivations.
#pragma once

#include <cstdint>

#include "models/optimizer/update_coefficients.h"
#include "models/train_spec.h"

namespace stagecoach {

/// A stage's delays in updates, from the schedule's closed form (or measured).
struct StageDelay {
  double delay = 0;               ///< D: between the forward's read and the own update
  double spectrain_forward = 0;   ///< updates from the forward to the end of the round trip
  double spectrain_backward = 0;  ///< the same from the backward
};

/// a and b of spike compensation: w -= lr (a v + b g) with a = m^D, b = (1 - m^D)/(1 - m), so that
/// a gradient's contribution that the delay held back is added at once [derived, algorithms: PB
/// paper]. D = 0 gives (1, 0); D = 1 gives Nesterov's (m, 1).
struct SpikeCoefficients {
  double a = 1;
  double b = 0;
};
SpikeCoefficients spike_coefficients(double momentum, double delay);

/// Constants of one update of one stage.
struct UpdateRule {
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

  bool forward_shadow() const { return forward_horizon != 0; }
  bool backward_shadow() const { return backward_horizon != 0 || discrepancy_span != 0; }
  /// True if UpdateCoefficients say all: kernels may apply the update in passing.
  bool linear() const {
    return !backward_shadow() &&
           !(forward_shadow() && prediction == WeightPrediction::weight_difference);
  }

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

/// The rule of a stage for the update of mini-batch `batch` (from 0) out of `batches_per_epoch`.
UpdateRule make_update_rule(const TrainSpec& spec, const StageDelay& delay, std::int64_t batch,
                            std::int64_t batches_per_epoch);

/// Arrays of one segment (equal decay) of a stage's flat parameters; n elements each.
template <class T>
struct UpdateArrays {
  T* weights = nullptr;
  T* velocity = nullptr;
  const T* gradient = nullptr;
  T* forward_shadow = nullptr;   ///< null: the rule predicts nothing for the forward
  T* backward_shadow = nullptr;  ///< null: the backward reads current or stashed weights
  T* delta = nullptr;            ///< PipeMare T2 only
  std::int64_t n = 0;
};

/// One update of one segment. Elementwise: any split of the arrays gives the same bits.
template <class T>
void apply_update(const UpdateRule& rule, bool norm_or_bias, const UpdateArrays<T>& arrays);

}  // namespace stagecoach
