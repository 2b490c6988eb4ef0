// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/sgd.h"

#include <algorithm>
#include <cmath>

#include "models/base/maps.h"
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

SgdConstants sgd_constants(const TrainSpec& spec, const StageDelay& delay, std::int64_t batch,
                           std::int64_t batches_per_epoch) {
  const OptimizerSpec& o = spec.optimizer;
  const MitigationSpec& m = spec.mitigation;
  const double epoch = static_cast<double>(batch) / static_cast<double>(batches_per_epoch);
  const double final_factor =
      o.learning_rate > 0 ? o.learning_rate_schedule.final_learning_rate / o.learning_rate : 0;
  SgdConstants r;
  r.learning_rate =
      rescheduled(o.learning_rate * learning_rate_factor(o.learning_rate_schedule, epoch,
                                                         spec.epochs, final_factor),
                  m, delay.delay, epoch);
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

namespace {

constexpr const char* kVelocity = "velocity";
constexpr const char* kWeightsBefore = "weights_before";
constexpr const char* kAveragedDifference = "averaged_difference";

template <class T>
class Sgd final : public UpdateRule<T> {
 public:
  Sgd(const TrainSpec& train, const StageDelay& delay, std::int64_t batches_per_epoch)
      : train_(train), batches_per_epoch_(batches_per_epoch) {
    const std::vector<StateArray> state = declare_sgd(train, delay).state;
    for (int i = 0; i < static_cast<int>(state.size()); ++i) {
      if (state[i].name == kWeightsBefore) before_ = i;
      if (state[i].name == kAveragedDifference) difference_ = i;
    }
    const LearningRateSpec& rate = train.optimizer.learning_rate_schedule;
    varies_ = rate.type != LearningRateSchedule::constant || rate.warmup_epochs > 0 ||
              train.mitigation.pipemare_learning_rate;
    make_constants(delay, 0);
  }

  bool set(const StageDelay& delay, std::int64_t batch) override {
    if (delay.delay == delay_ && !(varies_ && batch != batch_)) return false;
    make_constants(delay, batch);
    return true;
  }

  void apply(bool norm_or_bias, const UpdateArrays<T>& a) const override {
    const UpdateCoefficients<T> c = constants_.coefficients<T>(norm_or_bias);
    step(c, a);
    if (a.predicted_forward) predict_forward(c, a);
    if (a.predicted_backward) predict_backward(a);
  }

  std::optional<UpdateCoefficients<T>> fused(bool norm_or_bias) const override {
    if (!constants_.linear()) return std::nullopt;
    return constants_.coefficients<T>(norm_or_bias);
  }

 private:
  static constexpr int kNone = -1;

  void make_constants(const StageDelay& delay, std::int64_t batch) {
    constants_ = sgd_constants(train_, delay, batch, batches_per_epoch_);
    delay_ = delay.delay;
    batch_ = batch;
  }

  void step(const UpdateCoefficients<T>& c, const UpdateArrays<T>& a) const {
    const T gamma = static_cast<T>(constants_.discrepancy_gamma);
    in_pieces(
        a.n,
        [&](auto g, auto w, auto v, auto before, auto difference) {
          if (before.size()) before = w;
          v = c.momentum * v + (g + c.weight_decay * w);
          // What w loses; evaluated where it stands, with w as it is there.
          const auto step = c.step_velocity * v + c.step_gradient * (g + c.weight_decay * w);
          if (difference.size()) difference = gamma * difference - (1 - gamma) * step;
          w -= step;
        },
        a.gradient, a.weights, a.state[0], state(a, before_), state(a, difference_));
  }

  void predict_forward(const UpdateCoefficients<T>& c, const UpdateArrays<T>& a) const {
    const auto w = numbers(a.weights, a.n);
    auto predicted = numbers(a.predicted_forward, a.n);
    if (constants_.predicts_by_difference()) {
      const T horizon = static_cast<T>(constants_.forward_horizon);
      predicted = w + horizon * (w - numbers(a.state[before_], a.n));
    } else {
      predicted = w - c.step_prediction * numbers(a.state[0], a.n);
    }
  }

  void predict_backward(const UpdateArrays<T>& a) const {
    const auto w = numbers(a.weights, a.n);
    auto predicted = numbers(a.predicted_backward, a.n);
    if (difference_ != kNone) {
      const T span = static_cast<T>(constants_.discrepancy_span);
      predicted = w - span * numbers(a.state[difference_], a.n);
    } else {
      const T step = static_cast<T>(constants_.learning_rate * constants_.backward_horizon);
      predicted = w - step * numbers(a.state[0], a.n);
    }
  }

  static T* state(const UpdateArrays<T>& a, int i) { return i == kNone ? nullptr : a.state[i]; }

  const TrainSpec train_;
  const std::int64_t batches_per_epoch_;
  int before_ = kNone, difference_ = kNone;  ///< places in UpdateArrays::state; velocity is first
  bool varies_ = false;                      ///< from mini-batch to mini-batch
  double delay_ = 0;                         ///< that constants_ were made for ...
  std::int64_t batch_ = 0;                   ///< ... and the mini-batch
  SgdConstants constants_;
};

}  // namespace

UpdateDeclaration declare_sgd(const TrainSpec& train, const StageDelay& delay) {
  const OptimizerSpec& o = train.optimizer;
  const MitigationSpec& m = train.mitigation;
  const SgdConstants c = sgd_constants(train, delay, 0, 1);
  UpdateDeclaration d;
  d.state.push_back({kVelocity, FirstValue::zero, o.momentum != 0});  // else it is the gradient
  if (c.predicts_by_difference()) d.state.push_back({kWeightsBefore, FirstValue::weights});
  if (c.discrepancy_span != 0) d.state.push_back({kAveragedDifference, FirstValue::zero});
  d.predicts_forward = c.predicts_forward();
  d.predicts_backward = c.predicts_backward();
  // w -= lr g is one, and every term of it that is not zero one more.
  d.multiply_adds = 1 + (o.momentum != 0) + (o.weight_decay != 0) + o.nesterov +
                    m.spike_compensation + (m.weight_prediction != WeightPrediction::none) +
                    m.pipemare_learning_rate + m.pipemare_discrepancy_correction;
  return d;
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_sgd(const TrainSpec& train, const StageDelay& delay,
                                        std::int64_t batches_per_epoch) {
  return std::make_unique<Sgd<T>>(train, delay, batches_per_epoch);
}

template std::unique_ptr<UpdateRule<float>> make_sgd(const TrainSpec&, const StageDelay&,
                                                     std::int64_t);
template std::unique_ptr<UpdateRule<double>> make_sgd(const TrainSpec&, const StageDelay&,
                                                      std::int64_t);

}  // namespace stagecoach
