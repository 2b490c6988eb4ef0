// SPDX-License-Identifier: Apache-2.0
// The network as a graph of named layers with every shape known; no numbers yet.
#pragma once

#include <string>
#include <vector>

#include "models/base/shape.h"
#include "models/graph/layer_spec.h"

namespace stagecoach {

enum class ParameterRole {
  weight,  ///< matrix or kernel
  bias,
  norm_scale,         ///< saved as "<layer>.weight"
  norm_shift,         ///< saved as "<layer>.bias"
  running_statistic,  ///< saved, never trained by the optimizer
  running_variance,   ///< the same, and never below zero
};

/// One tensor of a layer, in PyTorch's shape and name.
struct ParameterSpec {
  std::string name;        ///< "weight", "bias", "running_mean", ...
  std::vector<int> shape;  ///< PyTorch order: conv2d [out,in/groups,kh,kw], linear [out,in]
  ParameterRole role = ParameterRole::weight;
  int fan_in = 1;
  int fan_out = 1;

  bool trainable() const {
    return role != ParameterRole::running_statistic && role != ParameterRole::running_variance;
  }
  std::int64_t elements() const {
    std::int64_t n = 1;
    for (int d : shape) n *= d;
    return n;
  }
};

/// A value is the network's input (id 0) or the output of layer l (id l + 1).
using ValueId = int;
constexpr ValueId kInputValue = 0;

/// Inputs that one layer may have.
constexpr std::size_t kMaxInputs = 16;

/// One layer in place: where its inputs come from and what comes out.
struct LayerNode {
  LayerSpec spec;  ///< name filled in
  std::vector<ValueId> inputs;
  std::vector<Shape> input_shapes;
  Shape output;
  std::vector<ParameterSpec> parameters;

  std::int64_t trainable_parameters() const {
    std::int64_t n = 0;
    for (const auto& p : parameters) n += p.trainable() ? p.elements() : 0;
    return n;
  }
  /// True with a weight matrix or kernel: the layer starts a stage in `per_layer`.
  bool has_weight_matrix() const {
    for (const auto& p : parameters)
      if (p.role == ParameterRole::weight) return true;
    return false;
  }
};

/// Something wrong with a network, told so that a configuration reader can point at it.
struct NetworkIssue {
  int layer = -1;       ///< index in NetworkSpec::layers; -1: the network as a whole
  std::string field;    ///< the LayerSpec field, e.g. "kernel"; may be empty
  std::string message;  ///< what was found and what is allowed
};

/// Layers in topological order: a layer's inputs come before it. Layer ids are indices.
struct Network {
  Shape input;
  std::vector<LayerNode> layers;

  const Shape& shape_of(ValueId v) const { return v == kInputValue ? input : layers[v - 1].output; }
  const Shape& output() const { return layers.empty() ? input : layers.back().output; }
  std::int64_t trainable_parameters() const;
  /// The layers that read value v, in order.
  std::vector<int> consumers(ValueId v) const;
};

/// Resolves names and shapes. Every problem found is appended to `issues`; the network returned is
/// usable only if none was. Every value but the last must be read by somebody.
Network build_network(const NetworkSpec& spec, std::vector<NetworkIssue>& issues);

/// The same for callers whose spec must be right: throws UserError with all issues.
Network build_network(const NetworkSpec& spec);

}  // namespace stagecoach
