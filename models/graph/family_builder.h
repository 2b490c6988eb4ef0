// SPDX-License-Identifier: Apache-2.0
// Writing down a family's layers one by one; used by families.cpp only.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "models/base/error.h"
#include "models/graph/families.h"

namespace stagecoach {

/// Writes layers down in order; every method returns the name of what it added (or of its input,
/// when there was nothing to add).
class FamilyBuilder {
 public:
  explicit FamilyBuilder(const FamilySpec& spec) : spec_(spec) { network_.input = spec.input; }

  NetworkSpec take() { return std::move(network_); }
  const std::string& last() const { return last_; }

  int channels(int base) const {
    return std::max(1, static_cast<int>(std::lround(base * spec_.width)));
  }

  std::string add(LayerSpec layer, const std::vector<std::string>& inputs) {
    if (inputs.size() != 1 || inputs.front() != last_) layer.inputs = inputs;
    last_ = layer.name;
    network_.layers.push_back(std::move(layer));
    return last_;
  }
  std::string simple(LayerKind kind, const std::string& name, const std::string& input) {
    return add(layer_of(kind, name), {input});
  }

  struct Conv {
    int channels;  // already scaled
    int kernel;
    int stride = 1;
    int padding = 0;
    bool bias = true;
  };
  std::string conv(const std::string& name, const Conv& conv, const std::string& input) {
    LayerSpec layer = layer_of(LayerKind::conv2d, name);
    layer.out_channels = conv.channels;
    layer.kernel = conv.kernel;
    layer.stride = conv.stride;
    layer.padding = conv.padding;
    layer.bias = conv.bias;
    return add(std::move(layer), {input});
  }
  std::string linear(const std::string& name, int features, const std::string& input) {
    LayerSpec layer = layer_of(LayerKind::linear, name);
    layer.out_features = features;
    return add(std::move(layer), {input});
  }
  std::string pool(const std::string& name, FamilyPooling pooling, int kernel, int stride,
                   int padding, const std::string& input) {
    const bool max = pooling == FamilyPooling::max;
    LayerSpec layer = layer_of(max ? LayerKind::max_pool2d : LayerKind::avg_pool2d, name);
    layer.kernel = kernel;
    layer.stride = stride;
    layer.padding = padding;
    return add(std::move(layer), {input});
  }
  std::string dropout(const std::string& name, const std::string& input) {
    if (spec_.dropout == 0) return input;
    LayerSpec layer = layer_of(LayerKind::dropout, name);
    layer.probability = spec_.dropout;
    return add(std::move(layer), {input});
  }
  std::string activation(const std::string& name, const std::string& input) {
    switch (spec_.activation) {
      case FamilyActivation::relu:
        return simple(LayerKind::relu, name, input);
      case FamilyActivation::tanh:
        return simple(LayerKind::tanh, name, input);
      case FamilyActivation::sigmoid:
        return simple(LayerKind::sigmoid, name, input);
    }
    throw ModelBug("unknown FamilyActivation");
  }
  /// `channels` are those of the input.
  std::string norm(const std::string& name, int channels, const std::string& input) {
    switch (spec_.norm) {
      case FamilyNorm::none:
      case FamilyNorm::local_response_norm:
        return input;
      case FamilyNorm::batch_norm2d:
        return simple(LayerKind::batch_norm2d, name, input);
      case FamilyNorm::group_norm: {
        LayerSpec layer = layer_of(LayerKind::group_norm, name);
        // A size that does not divide is passed on for build_network to refuse.
        const int size = spec_.norm_group_size;
        layer.groups = size == 0              ? spec_.norm_groups
                       : channels % size == 0 ? channels / size
                                              : channels + 1;
        return add(std::move(layer), {input});
      }
      case FamilyNorm::layer_norm:
        return simple(LayerKind::layer_norm, name, input);
      case FamilyNorm::filter_response_norm:
        return simple(LayerKind::filter_response_norm, name, input);
      case FamilyNorm::online_norm:
        return simple(LayerKind::online_norm, name, input);
    }
    throw ModelBug("unknown FamilyNorm");
  }
  std::string norm_relu(const std::string& norm_name, const std::string& relu_name, int channels,
                        const std::string& input) {
    const std::string out = norm(norm_name, channels, input);
    if (spec_.norm == FamilyNorm::filter_response_norm) return out;
    return simple(LayerKind::relu, relu_name, out);
  }
  bool conv_bias() const { return spec_.norm == FamilyNorm::none; }

 private:
  static LayerSpec layer_of(LayerKind kind, const std::string& name) {
    LayerSpec layer;
    layer.kind = kind;
    layer.name = name;
    return layer;
  }

  const FamilySpec& spec_;
  NetworkSpec network_;
  std::string last_ = "input";
};

}  // namespace stagecoach
