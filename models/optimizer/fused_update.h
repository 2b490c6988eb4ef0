// SPDX-License-Identifier: Apache-2.0
// The fused update: a kernel turns a finished weight gradient into new weights at once, so that the
// gradient never reaches memory. It serves rules that are linear in one state array, their first.
#pragma once

#include <cstdint>

namespace stagecoach {

/// One update of one weight w with velocity v and gradient g:
///   g' = g + weight_decay w
///   v  = momentum v + g'
///   w  = w - step_velocity v - step_gradient g'
///   predicted = w - step_prediction v            (only where predicted weights are kept)
/// SGD: step_velocity = lr, step_gradient = 0. Nesterov: lr m, lr. Spike compensation: lr a, lr b.
template <class T>
struct UpdateCoefficients {
  T momentum = 0;
  T weight_decay = 0;
  T step_velocity = 0;
  T step_gradient = 0;
  T step_prediction = 0;
};

/// These equations for n weights; `predicted` may be null.
template <class T>
void update_linearly(const UpdateCoefficients<T>& coefficients, std::int64_t n, const T* gradient,
                     T* weights, T* velocity, T* predicted);

/// Arrays and coefficients of the fused update of one layer.
template <class T>
struct FusedUpdate {
  T* weights = nullptr;    ///< the layer's block of current weights (what the update reads, writes)
  T* velocity = nullptr;   ///< the rule's first state array
  T* predicted = nullptr;  ///< predicted weights of the forward pass; null: none
  const UpdateCoefficients<T>* coefficients = nullptr;  ///< one per ParameterSlot, in order
};

}  // namespace stagecoach
