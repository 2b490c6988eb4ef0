// SPDX-License-Identifier: Apache-2.0
// Plain structs that say what to train and how: the functional side of a workload file.
// Filled by sim/config (or by a test); no JSON here. Names equal the workload file's keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/shape.h"

namespace stagecoach {

/// Every layer type of a workload file. To add one: docs/architecture.md, "Add a layer".
enum class LayerKind {
  conv2d,
  linear,
  relu,
  tanh,
  sigmoid,
  max_pool2d,
  avg_pool2d,
  global_avg_pool2d,
  flatten,
  batch_norm2d,
  group_norm,
  layer_norm,
  filter_response_norm,
  online_norm,
  local_response_norm,
  dropout,
  identity,
  add,
};

/// One layer as the workload file gives it. Fields follow PyTorch's names and defaults; a field
/// that the kind does not have keeps its default and is not read.
struct LayerSpec {
  std::string name;  ///< unique; generated as "<type><index>" when absent
  LayerKind kind = LayerKind::identity;
  std::vector<std::string>
      inputs;  ///< layer names; empty: the layer before ("input" for the first)

  int out_channels = 0;      ///< conv2d
  int out_features = 0;      ///< linear
  int kernel = 0;            ///< conv2d, pools (square)
  int stride = 0;            ///< conv2d (0: 1), pools (0: kernel)
  int padding = 0;           ///< conv2d, pools (zeros; pools: at most kernel/2)
  int groups = 1;            ///< conv2d; group_norm
  bool bias = true;          ///< conv2d, linear
  double epsilon = 1e-5;     ///< norms
  double momentum = 0.1;     ///< batch_norm2d: weight of the new sample in the running statistics
  double probability = 0.5;  ///< dropout: share of elements set to zero
  int size = 5;              ///< local_response_norm: channels in the window
  double alpha = 1e-4;       ///< local_response_norm
  double beta = 0.75;        ///< local_response_norm
  double k = 1.0;            ///< local_response_norm
  double forward_decay = 0.999;  ///< online_norm: decay of the forward running statistics
  double backward_decay = 0.99;  ///< online_norm: decay of the backward control variables
};

struct NetworkSpec {
  Shape input;
  std::vector<LayerSpec> layers;
};

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

struct OptimizerSpec {
  double learning_rate = 0.01;
  double momentum = 0.0;
  double weight_decay = 0.0;
  bool nesterov = false;
  bool decay_norm_and_bias = true;  ///< false: weight decay spares norms and biases
  LearningRateSpec schedule;
};

enum class WeightPrediction { none, velocity, weight_difference, spectrain };

/// Ways to soften stale weights. D is the stage's delay in updates. Formulas:
/// models/optimizer/update_rule.h. Which D the mitigations use: the schedule's closed form, or for
/// every update the one that its gradient really had.
enum class DelaySource { closed_form, measured };

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
