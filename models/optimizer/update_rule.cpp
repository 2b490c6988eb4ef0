// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/update_rule.h"

#include <algorithm>
#include <cmath>

#include "models/optimizer/learning_rate.h"

namespace stagecoach {

SpikeCoefficients spike_coefficients(double momentum, double delay) {
  if (delay == 0) return {1, 0};
  if (momentum == 0) return {0, 1};
  if (momentum == 1) return {1, delay};
  const double log_a = delay * std::log(momentum);
  return {std::exp(log_a), -std::expm1(log_a) / (1 - momentum)};
}

namespace {

/// PipeMare T1: lr / D^p with p falling linearly from 1 to 0 over the first K epochs (read in
/// public code, AsyncPP).
double rescheduled(double learning_rate, const MitigationSpec& m, double delay, double epoch) {
  if (!m.pipemare_learning_rate || delay <= 1) return learning_rate;
  const double p = 1 - std::min(epoch / m.pipemare_anneal_epochs, 1.0);
  return learning_rate / std::pow(delay, p);
}

}  // namespace

UpdateRule make_update_rule(const TrainSpec& spec, const StageDelay& delay, std::int64_t batch,
                            std::int64_t batches_per_epoch) {
  const OptimizerSpec& o = spec.optimizer;
  const MitigationSpec& m = spec.mitigation;
  const double epoch = static_cast<double>(batch) / static_cast<double>(batches_per_epoch);
  const double final_factor =
      o.learning_rate > 0 ? o.learning_rate_schedule.final_learning_rate / o.learning_rate : 0;
  UpdateRule r;
  r.learning_rate = rescheduled(
      o.learning_rate * learning_rate_factor(o.learning_rate_schedule, epoch, spec.epochs, final_factor), m,
      delay.delay, epoch);
  r.momentum = o.momentum;
  r.weight_decay = o.weight_decay;
  r.norm_and_bias_decay = o.decay_norm_and_bias ? o.weight_decay : 0;
  if (o.nesterov) {  // PyTorch's form: step = g + m v
    r.velocity_factor = o.momentum;
    r.gradient_factor = 1;
  }
  if (m.spike_compensation) {
    const SpikeCoefficients c =
        spike_coefficients(o.momentum, m.spike_compensation_scale * delay.delay);
    r.velocity_factor = c.a;
    r.gradient_factor = c.b;
  }
  r.prediction = m.weight_prediction;
  switch (m.weight_prediction) {
    case WeightPrediction::none:
      break;
    case WeightPrediction::velocity:
    case WeightPrediction::weight_difference:
      r.forward_horizon = m.prediction_horizon * delay.delay;
      break;
    case WeightPrediction::spectrain:
      r.forward_horizon = m.prediction_horizon * delay.spectrain_forward;
      r.backward_horizon = m.prediction_horizon * delay.spectrain_backward;
      break;
  }
  if (m.pipemare_discrepancy_correction && delay.delay > 0) {
    r.discrepancy_span = delay.delay;
    r.discrepancy_gamma = std::pow(m.pipemare_decay, 1 / delay.delay);
  }
  return r;
}

template <class T>
void apply_update(const UpdateRule& rule, bool norm_or_bias, const UpdateArrays<T>& a) {
  const UpdateCoefficients<T> c = rule.coefficients<T>(norm_or_bias);
  const bool difference =
      rule.forward_shadow() && rule.prediction == WeightPrediction::weight_difference;
  const T horizon = static_cast<T>(rule.forward_horizon);
  const T backward_step = static_cast<T>(rule.learning_rate * rule.backward_horizon);
  const T gamma = static_cast<T>(rule.discrepancy_gamma);
  const T span = static_cast<T>(rule.discrepancy_span);
  T* __restrict w = a.weights;
  T* __restrict v = a.velocity;
  const T* __restrict g = a.gradient;
  if (rule.linear()) {
    T* __restrict shadow = a.forward_shadow;
    for (std::int64_t i = 0; i < a.n; ++i) {
      const T grad = g[i] + c.weight_decay * w[i];
      v[i] = c.momentum * v[i] + grad;
      w[i] = w[i] - c.step_velocity * v[i] - c.step_gradient * grad;
    }
    if (shadow)
      for (std::int64_t i = 0; i < a.n; ++i) shadow[i] = w[i] - c.step_prediction * v[i];
    return;
  }
  for (std::int64_t i = 0; i < a.n; ++i) {
    const T before = w[i];
    const T grad = g[i] + c.weight_decay * before;
    v[i] = c.momentum * v[i] + grad;
    w[i] = before - c.step_velocity * v[i] - c.step_gradient * grad;
    if (a.forward_shadow)
      a.forward_shadow[i] =
          difference ? w[i] + horizon * (w[i] - before) : w[i] - c.step_prediction * v[i];
    if (a.delta) {
      a.delta[i] = gamma * a.delta[i] + (1 - gamma) * (w[i] - before);
      a.backward_shadow[i] = w[i] - span * a.delta[i];
    } else if (a.backward_shadow) {
      a.backward_shadow[i] = w[i] - backward_step * v[i];
    }
  }
}

template void apply_update<float>(const UpdateRule&, bool, const UpdateArrays<float>&);
template void apply_update<double>(const UpdateRule&, bool, const UpdateArrays<double>&);

}  // namespace stagecoach
