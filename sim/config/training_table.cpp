// SPDX-License-Identifier: Apache-2.0
// The tables of training: optimizer, learning-rate schedule, mitigations of stale weights.
#include <limits>

#include "sim/config/workload_file.h"

namespace stagecoach {
namespace {

constexpr int kMaxInt = std::numeric_limits<int>::max();
constexpr int kMaxEpochs = 1000000;  // results hold a row for each

using Rate = LearningRateSpec;

Table<Rate> learning_rate_schedule_table() {
  Table<Rate> step, multistep, cosine;
  step.required("step_epochs", &Rate::step_epochs, number(above(0), "epochs"),
                "Every so many epochs ...");
  step.optional("factor", &Rate::factor, number(above(0)), "... the rate is multiplied by this.");
  multistep.required("milestones", &Rate::milestones,
                     list_of<double>(number(at_least(0), "epochs"), 1), "At these epochs ...");
  multistep.optional("factor", &Rate::factor, number(above(0)),
                     "... the rate is multiplied by this.");
  multistep.check([](const Rate& r, const Place& at) {
    for (std::size_t i = 1; i < r.milestones.size(); ++i) {
      if (r.milestones[i] <= r.milestones[i - 1]) {
        at.child("milestones").item(i).report("not above the milestone before; allowed: ascending");
      }
    }
  });
  cosine.optional("final_learning_rate", &Rate::final_learning_rate, number(at_least(0)),
                  "The rate at the end of the run, half a cosine after its beginning.");
  Table<Rate> t(
      "learning_rate_schedule",
      "The rate over the run, in epochs. Fractions count: every update has its own rate.");
  t.tagged<LearningRateSchedule>("type", &Rate::type, "Its form after the warm-up.",
                                 {{"constant", LearningRateSchedule::constant, "", Table<Rate>()},
                                  {"step", LearningRateSchedule::step, "", step},
                                  {"multistep", LearningRateSchedule::multistep, "", multistep},
                                  {"cosine", LearningRateSchedule::cosine, "", cosine}});
  t.optional("warmup_epochs", &Rate::warmup_epochs, number(at_least(0), "epochs"),
             "The rate first rises linearly from zero over this many epochs.");
  return t;
}

Table<ReferenceFile> reference_table() {
  using R = ReferenceFile;
  Table<R> t("reference",
             "Hyperparameters known for another batch size N_r. With batch_size N: momentum = "
             "momentum_r^(N/N_r), learning_rate = learning_rate_r (1-momentum) N / "
             "((1-momentum_r) N_r).");
  t.required("batch_size", &R::batch_size, integer(1, kMaxInt, "samples"), "N_r.");
  t.required("learning_rate", &R::learning_rate, number(at_least(0)), "At that batch size.");
  t.required("momentum", &R::momentum, number(from_below(0, 1)), "At that batch size.");
  return t;
}

/// A setting that only another one makes meaningful: given without it, nothing would happen.
void needs(const Place& at, const char* key, bool changed, bool in_use, const char* other) {
  if (changed && !in_use) at.child(key).report(std::string("changes nothing without ") + other);
}

void check_mitigation(const MitigationSpec& m, const Place& at) {
  const MitigationSpec plain;
  needs(at, "spike_compensation_scale",
        m.spike_compensation_scale != plain.spike_compensation_scale, m.spike_compensation,
        "spike_compensation");
  needs(at, "prediction_horizon", m.prediction_horizon != plain.prediction_horizon,
        m.weight_prediction != WeightPrediction::none, "weight_prediction");
  const bool measured = m.delay == DelaySource::measured;
  needs(at, "delay", measured,
        m.spike_compensation || m.weight_prediction != WeightPrediction::none ||
            m.pipemare_learning_rate || m.pipemare_discrepancy_correction,
        "spike_compensation, weight_prediction or pipemare_learning_rate");
  if (measured &&
      (m.weight_prediction == WeightPrediction::spectrain || m.pipemare_discrepancy_correction))
    at.child("delay").report(
        "\"measured\" does not go with \"spectrain\" or \"pipemare_discrepancy_correction\": they "
        "need the delay before the backward that ends it; give \"closed_form\"");
  needs(at, "pipemare_anneal_epochs", m.pipemare_anneal_epochs != plain.pipemare_anneal_epochs,
        m.pipemare_learning_rate, "pipemare_learning_rate");
  needs(at, "pipemare_decay", m.pipemare_decay != plain.pipemare_decay,
        m.pipemare_discrepancy_correction, "pipemare_discrepancy_correction");
  if (m.pipemare_discrepancy_correction && m.weight_prediction == WeightPrediction::spectrain) {
    at.child("pipemare_discrepancy_correction")
        .report(
            "contradicts \"weight_prediction\": \"spectrain\" beside it: both choose the "
            "weights of the backward pass; give one");
  }
}

Table<MitigationFile> mitigation_table() {
  using M = MitigationFile;
  Table<M> t("mitigation", "Ways to soften stale weights. D is the stage's delay in updates.");
  t.may_have(
      "weight_stashing", &M::given_weight_stashing, boolean(),
      "Backward uses the weights that the sample's forward read.",
      "true for `one_f_one_b` without `spectrain` or `pipemare_discrepancy_correction`, else "
      "false");
  t.optional(
      "delay", &M::delay,
      words<DelaySource>({{"closed_form", DelaySource::closed_form, "the schedule's, a constant"},
                          {"measured", DelaySource::measured,
                           "of every update: its stage's updates since its gradient's forward"}}),
      "Which D the mitigations below use.");
  t.optional("spike_compensation", &M::spike_compensation, boolean(),
             "Applies at once what a gradient would have contributed during its delay D.");
  t.optional("spike_compensation_scale", &M::spike_compensation_scale, number(at_least(0)),
             "Compensates for so many times D.");
  t.optional("weight_prediction", &M::weight_prediction,
             words<WeightPrediction>(
                 {{"none", WeightPrediction::none, "the current weights"},
                  {"velocity", WeightPrediction::velocity, "forward: along the velocity"},
                  {"weight_difference", WeightPrediction::weight_difference,
                   "forward: along the last change"},
                  {"spectrain", WeightPrediction::spectrain,
                   "both passes, to the end of the sample's round trip"}}),
             "Weights extrapolated to the time of the update.");
  t.optional("prediction_horizon", &M::prediction_horizon, number(at_least(0)),
             "Predicts so many times D ahead.");
  t.optional("gradient_shrinking", &M::gradient_shrinking, number(between(0, 1)),
             "Factor on the gradient that a stage hands upstream; 1: off.");
  t.optional("pipemare_learning_rate", &M::pipemare_learning_rate, boolean(),
             "Divides the learning rate by the delay, annealed away.");
  t.optional("pipemare_anneal_epochs", &M::pipemare_anneal_epochs, number(above(0), "epochs"),
             "... over so many epochs.");
  t.optional("pipemare_discrepancy_correction", &M::pipemare_discrepancy_correction, boolean(),
             "Backward weights moved towards those of the forward pass by a running mean.");
  t.optional("pipemare_decay", &M::pipemare_decay, number(between(0, 1)),
             "C of that mean's decay C^(1/D).");
  t.check(check_mitigation);
  t.check([](const M& m, const Place& at) {
    if (!m.given_weight_stashing.value_or(false)) return;
    if (m.weight_prediction == WeightPrediction::spectrain) {
      at.child("weight_stashing")
          .report(
              "true contradicts \"weight_prediction\": \"spectrain\" beside it, which "
              "predicts the weights of the backward pass; give one");
    }
    if (m.pipemare_discrepancy_correction) {
      at.child("weight_stashing")
          .report(
              "true contradicts \"pipemare_discrepancy_correction\" beside it: stashed "
              "weights have no discrepancy; give one");
    }
  });
  return t;
}

}  // namespace

Table<OptimizerFile> optimizer_table() {
  using O = OptimizerFile;
  Table<O> t("optimizer", "Stochastic gradient descent: v = momentum v + g, w = w - rate v.");
  t.optional("type", &O::type, words<OptimizerKind>({{"sgd", OptimizerKind::sgd, ""}}),
             "Which optimizer.");
  t.may_have("learning_rate", &O::given_learning_rate, number(at_least(0)), "Step length.",
             "from `reference`, else required");
  t.may_have("momentum", &O::given_momentum, number(from_below(0, 1)), "Decay of the velocity.",
             "from `reference`, else 0");
  t.may_have("reference", &O::reference, reference_table().codec(),
             "Computes both from values known for another batch size.", "none");
  t.optional("weight_decay", &O::weight_decay, number(at_least(0)),
             "Times the weight, added to the gradient.");
  t.optional("nesterov", &O::nesterov, boolean(), "Nesterov's momentum (PyTorch's form).");
  t.optional("decay_norm_and_bias", &O::decay_norm_and_bias, boolean(),
             "False: weight decay spares norms and biases.");
  t.optional("learning_rate_schedule", &O::learning_rate_schedule,
             learning_rate_schedule_table().codec(), "The rate over the run.");
  t.check([](const O& o, const Place& at) {
    if (!o.reference && !o.given_learning_rate) {
      at.report(
          "required field \"learning_rate\" is missing; allowed: a number 0 or more, or "
          "\"reference\" to compute it");
    }
    for (const char* key : {"learning_rate", "momentum"}) {
      const bool given = std::string(key) == "momentum" ? o.given_momentum.has_value()
                                                        : o.given_learning_rate.has_value();
      if (o.reference && given) {
        at.child(key).report("contradicts \"reference\" beside it, which computes " +
                             std::string(key) + "; give one");
      }
    }
    needs(at, "decay_norm_and_bias", !o.decay_norm_and_bias, o.weight_decay > 0, "weight_decay");
    const double momentum = o.reference ? o.reference->momentum : o.given_momentum.value_or(0);
    needs(at, "nesterov", o.nesterov, momentum > 0, "momentum");
  });
  return t;
}

Table<TrainingFile> training_table() {
  using F = TrainingFile;
  Table<F> t("training", "What to minimise and how.");
  t.optional("loss", &F::loss,
             words<LossKind>(
                 {{"softmax_cross_entropy", LossKind::softmax_cross_entropy, "for classes"},
                  {"mean_squared_error", LossKind::mean_squared_error, "half the sum of squares"}}),
             "Loss per sample; gradients are means over the mini-batch.");
  t.optional("initialization", &F::initialization,
             words<Initialization>(
                 {{"kaiming_uniform", Initialization::kaiming_uniform,
                   "PyTorch's default: U(-1/sqrt(fan_in), 1/sqrt(fan_in))"},
                  {"he_normal", Initialization::he_normal,
                   "kernels N(0, sqrt(2/fan_out)), matrices as kaiming_uniform, biases zero"},
                  {"glorot_uniform", Initialization::glorot_uniform,
                   "U(+-sqrt(6/(fan_in+fan_out))), biases zero"}}),
             "First weights, from the seed.");
  t.optional("epochs", &F::epochs, integer(1, kMaxEpochs), "Passes over the training set.");
  t.optional("batch_size", &F::batch_size, integer(1, kMaxInt, "samples"),
             "Samples of one update.");
  t.may_have("micro_batch_size", &F::given_micro_batch_size, integer(1, kMaxInt, "samples"),
             "Samples that travel together.",
             "1 for `fill_drain`, `gpipe`, `one_f_one_b_flush`, `zero_bubble`, "
             "`interleaved_one_f_one_b`, `zero_bubble_v` and `two_buffered_weights`, else "
             "batch_size");
  t.optional("seed", &F::seed, count(0), "Of weights, order and augmentation.");
  t.may_have("target_accuracy", &F::target_accuracy, number(between(0, 1)),
             "Results tell when the test accuracy (without a test set: the training accuracy) "
             "reached it, in simulated seconds and joules.",
             "no target");
  t.required("optimizer", &F::optimizer_file, optimizer_table().codec(), "How weights change.");
  t.optional("mitigation", &F::mitigation_file, mitigation_table().codec(),
             "Against stale weights.", "none, but see weight_stashing");
  t.check([](const F& f, const Place& at) {
    if (f.optimizer_file.nesterov && f.mitigation_file.spike_compensation) {
      at.child("optimizer")
          .child("nesterov")
          .report(
              "true contradicts " + at.child("mitigation").child("spike_compensation").pointer() +
              ": both decide how the velocity enters the step (spike compensation with D = 1 is "
              "Nesterov's momentum); give one");
    }
    if (f.target_accuracy && f.loss == LossKind::mean_squared_error) {
      at.child("target_accuracy")
          .report("changes nothing with \"loss\": \"mean_squared_error\", which has no accuracy");
    }
    if (f.given_micro_batch_size && *f.given_micro_batch_size > f.batch_size) {
      at.child("micro_batch_size")
          .report("found " + std::to_string(*f.given_micro_batch_size) + "; allowed: at most the " +
                  std::to_string(f.batch_size) + " of " + at.child("batch_size").pointer());
    }
  });
  return t;
}

}  // namespace stagecoach
