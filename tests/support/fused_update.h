// SPDX-License-Identifier: Apache-2.0
// A layer with a fused update must leave what gradient, then update, leave.
#pragma once

#include <catch2/catch.hpp>
#include <vector>

#include "tests/support/matrix_layers.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach {

/// Runs the fixture's layer both ways, with and without a predicted copy and with backward weights
/// that are not the weights updated, and compares weights, velocity, prediction, input gradient.
template <class T>
void require_fused_equals_unfused(LayerFixture<T>& f, double tolerance) {
  const std::int64_t n = f.parameter_elements();
  const auto slots = f.layer().slots();
  std::vector<UpdateCoefficients<T>> coefficients;
  for (std::size_t s = 0; s < slots.size(); ++s)
    coefficients.push_back({T(0.9), T(0.01) * T(s + 1), T(0.05), T(0.02), T(0.3)});
  for (const bool stale : {false, true})
    for (const bool predicts : {false, true})
      for (const bool want_input : {true, false}) {
        f.forward();
        f.backward();
        const std::vector<double> dx = f.gradient_input(0);
        Buffer<T> w(n), v(n), predicted(n), want_w(n), want_v(n), want_predicted(n), backward(n);
        for (std::int64_t i = 0; i < n; ++i) {
          const bool pad = f.parameters()[i] == T(0);
          backward.data()[i] = f.parameters()[i];
          w.data()[i] = pad ? T(0) : stale ? f.parameters()[i] * T(0.5) : f.parameters()[i];
          v.data()[i] = pad ? T(0) : T(0.1) * T(i % 7);
          predicted.data()[i] = T(0);
        }
        for (std::size_t s = 0; s < slots.size(); ++s)
          for (std::int64_t i = slots[s].offset; i < slots[s].offset + slots[s].size; ++i) {
            const UpdateCoefficients<T>& k = coefficients[s];
            const T g = f.gradient_parameters()[i] + k.weight_decay * w.data()[i];
            const T velocity = k.momentum * v.data()[i] + g;
            want_v.data()[i] = velocity;
            want_w.data()[i] = w.data()[i] - k.step_velocity * velocity - k.step_gradient * g;
            want_predicted.data()[i] = want_w.data()[i] - k.step_prediction * velocity;
          }
        FusedUpdate<T> update;
        update.weights = stale ? w.data() : backward.data();
        update.velocity = v.data();
        update.predicted = predicts ? predicted.data() : nullptr;
        update.coefficients = coefficients.data();
        BackwardArgs<T>& args = f.backward_args();
        args.parameters = backward.data();
        args.gradient_parameters = nullptr;
        args.update = &update;
        if (!want_input) f.wanted_gradient(0).data = nullptr;
        f.run(args);
        const auto doubles = [n](const T* p) { return std::vector<double>(p, p + n); };
        CHECK(relative_distance(doubles(update.weights), doubles(want_w.data())) < tolerance);
        CHECK(relative_distance(doubles(v.data()), doubles(want_v.data())) < tolerance);
        if (predicts)
          CHECK(relative_distance(doubles(predicted.data()), doubles(want_predicted.data())) <
                tolerance);
        if (want_input) CHECK(relative_distance(f.gradient_input(0), dx) < tolerance);
        CHECK(f.gradient_pads_and_halos_are_zero());
      }
}

}  // namespace stagecoach
