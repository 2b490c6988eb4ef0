// SPDX-License-Identifier: Apache-2.0
// Finding one layer's output shape and parameters from its inputs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/graph/network.h"

namespace stagecoach {

/// One layer whose inputs are known, and what is wrong with it. A kind's `infer` sets the output
/// and adds the parameters, or reports an issue and leaves the output as it is.
class LayerResolver {
 public:
  LayerResolver(int index, LayerNode& node, std::vector<NetworkIssue>& issues)
      : node(node), spec(node.spec), index_(index), issues_(issues) {}

  LayerNode& node;
  LayerSpec& spec;  ///< of the node; a default that depends on other fields is filled in

  const Shape& in() const { return node.input_shapes.front(); }
  void issue(const std::string& field, const std::string& message) {
    issues_.push_back({index_, field, message});
  }

  /// False, with an issue, unless the input is [C,H,W].
  bool need_image();
  /// False, with an issue, if a field's value is below its minimum.
  bool need_at_least(const char* field, int value, int minimum);
  void parameter(const char* name, std::vector<int> shape, ParameterRole role, int fan_in = 1,
                 int fan_out = 1) {
    node.parameters.push_back({name, std::move(shape), role, fan_in, fan_out});
  }
  /// The output of a window of `kernel`, `stride` and `padding` that slides over the input;
  /// nothing, with an issue, if the window is larger than the padded input.
  void slide_window(int out_channels);
  /// Output as input, and a norm's scale and shift of this shape.
  void norm(const std::vector<int>& parameter_shape);

 private:
  /// Output extent of the window, or 0 with an issue.
  int window_extent(int extent, const char* what);

  int index_;
  std::vector<NetworkIssue>& issues_;
};

/// Output and parameters of layer `index`, whose inputs are filled in; problems go to `issues`.
void resolve_layer(int index, LayerNode& node, std::vector<NetworkIssue>& issues);

/// `infer` of kinds whose output has the shape of their input.
void infer_same_shape(LayerResolver& layer);

}  // namespace stagecoach
