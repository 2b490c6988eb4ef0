// SPDX-License-Identifier: Apache-2.0
// What a network is: the layers of a workload file. Filled by sim/config (or by a test); no JSON
// here. Names equal the workload file's keys.
#pragma once

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
  gelu,
  concatenate,
  sparse_linear,
};

/// One layer as the workload file gives it. Fields follow PyTorch's names and defaults; a field
/// that the kind does not have keeps its default and is not read.
struct LayerSpec {
  std::string name;  ///< unique; generated as "<type><index>" when absent
  LayerKind kind = LayerKind::identity;
  std::vector<std::string>
      inputs;  ///< layer names; empty: the layer before ("input" for the first)

  int out_channels = 0;      ///< conv2d
  int out_features = 0;      ///< linear, sparse_linear
  int kernel = 0;            ///< conv2d, pools (square)
  int stride = 0;            ///< conv2d (0: 1), pools (0: kernel)
  int padding = 0;           ///< conv2d, pools (zeros; pools: at most kernel/2)
  int groups = 1;            ///< conv2d; group_norm
  bool bias = true;          ///< conv2d, linear, sparse_linear
  double epsilon = 1e-5;     ///< norms
  double momentum = 0.1;     ///< batch_norm2d: weight of the new sample in the running statistics
  double probability = 0.5;  ///< dropout: share of elements set to zero
  int size = 5;              ///< local_response_norm: channels in the window
  double alpha = 1e-4;       ///< local_response_norm
  double beta = 0.75;        ///< local_response_norm
  double k = 1.0;            ///< local_response_norm
  double forward_decay = 0.999;  ///< online_norm: decay of the forward running statistics
  double backward_decay = 0.99;  ///< online_norm: decay of the backward control variables
  int fan_out = 0;               ///< sparse_linear: connections of an input; 0: not given
  int fan_in = 0;                ///< sparse_linear: connections of an output; 0: not given
  int seed = 0;                  ///< sparse_linear: of random connections
  /// sparse_linear: for each output the inputs that it reads; empty: random.
  std::vector<std::vector<int>> connections;
};

struct NetworkSpec {
  Shape input;
  std::vector<LayerSpec> layers;
};

}  // namespace stagecoach
