// SPDX-License-Identifier: Apache-2.0
// How a network is trained: the functional side of a workload file. Filled by sim/config (or by a
// test); no JSON here. Names equal the workload file's keys.
#pragma once

#include <cstdint>
#include <vector>

namespace stagecoach {

enum class LossKind { softmax_cross_entropy, mean_squared_error };

enum class Initialization {
  kaiming_uniform,  ///< PyTorch's default: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), weights and biases
  he_normal,        ///< kernels N(0, sqrt(2/fan_out)), matrices as kaiming_uniform, biases zero
  glorot_uniform,   ///< U(-sqrt(6/(fan_in+fan_out)), ...), biases zero
};

enum class LearningRateSchedule { constant, step, multistep, cosine };

/// learning_rate as a function of the epoch (fractions count: it changes with every update).
struct LearningRateSpec {
  LearningRateSchedule type = LearningRateSchedule::constant;
  double step_epochs = 30;           ///< step: every so many epochs ...
  double factor = 0.1;               ///< step, multistep: ... times this
  std::vector<double> milestones;    ///< multistep: epochs
  double final_learning_rate = 0.0;  ///< cosine: value at the end of the run
  double warmup_epochs = 0.0;        ///< linear from zero over so many epochs, before any type
};

/// Every update rule of a workload file. To add one: docs/architecture.md, "Add an optimizer".
enum class OptimizerKind { sgd };

struct OptimizerSpec {
  OptimizerKind type = OptimizerKind::sgd;
  double learning_rate = 0.01;
  double momentum = 0.0;
  double weight_decay = 0.0;
  bool nesterov = false;
  bool decay_norm_and_bias = true;  ///< false: weight decay spares norms and biases
  LearningRateSpec learning_rate_schedule;
};

enum class WeightPrediction { none, velocity, weight_difference, spectrain };

/// Which delay D the mitigations use: the schedule's closed form, or for every update the one that
/// its gradient really had.
enum class DelaySource { closed_form, measured };

/// Ways to soften stale weights. D is the stage's delay in updates. Formulas:
/// models/optimizer/sgd.h.
struct MitigationSpec {
  bool weight_stashing = false;
  DelaySource delay = DelaySource::closed_form;
  bool spike_compensation = false;
  double spike_compensation_scale = 1.0;  ///< uses scale x D in place of D
  WeightPrediction weight_prediction = WeightPrediction::none;
  double prediction_horizon = 1.0;      ///< horizon in units of D
  double gradient_shrinking = 1.0;      ///< factor on the gradient handed upstream; 1: off
  bool pipemare_learning_rate = false;  ///< T1: learning rate divided by the delay, annealed away
  double pipemare_anneal_epochs = 1.0;
  bool pipemare_discrepancy_correction = false;  ///< T2
  double pipemare_decay = 0.135;                 ///< T2: C in gamma = C^(1/D)
};

/// Arithmetic of the functional engine: f32 to train, f64 to check.
enum class Precision { f32, f64 };

/// How single precision is computed: by fast paths where there are some, or by the definitions in
/// Eigen alone, as double precision always is. Last bits differ.
enum class Kernels { fast, eigen };

inline const char* to_word(Kernels kernels) { return kernels == Kernels::fast ? "fast" : "eigen"; }

struct TrainSpec {
  LossKind loss = LossKind::softmax_cross_entropy;
  Initialization initialization = Initialization::kaiming_uniform;
  int epochs = 1;
  int batch_size = 1;
  int micro_batch_size = 1;  ///< samples that travel together; a batch is one update
  std::uint64_t seed = 1;
  OptimizerSpec optimizer;
  MitigationSpec mitigation;
};

}  // namespace stagecoach
