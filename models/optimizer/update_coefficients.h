// SPDX-License-Identifier: Apache-2.0
// The linear family of update rules in five numbers, so that kernels can apply it in passing.
#pragma once

namespace stagecoach {

/// One update of one weight w with velocity v and gradient g:
///   g' = g + weight_decay w
///   v  = momentum v + g'
///   w  = w - step_velocity v - step_gradient g'
///   predicted = w - step_prediction v            (only where a shadow copy is kept)
/// SGD: step_velocity = lr, step_gradient = 0. Nesterov: lr m, lr. Spike compensation: lr a, lr b.
template <class T>
struct UpdateCoefficients {
  T momentum = 0;
  T weight_decay = 0;
  T step_velocity = 0;
  T step_gradient = 0;
  T step_prediction = 0;
};

}  // namespace stagecoach
