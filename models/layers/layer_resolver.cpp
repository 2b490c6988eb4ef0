// SPDX-License-Identifier: Apache-2.0
#include "models/layers/layer_resolver.h"

#include "models/layers/definition.h"

namespace stagecoach {

bool LayerResolver::need_image() {
  if (in().rank == 3) return true;
  issue("", std::string(to_word(spec.kind)) + " needs an image [C,H,W], its input is " +
                to_string(in()));
  return false;
}

bool LayerResolver::need_at_least(const char* field, int value, int minimum) {
  if (value >= minimum) return true;
  issue(field, "found " + std::to_string(value) + "; allowed: at least " + std::to_string(minimum));
  return false;
}

int LayerResolver::window_extent(int extent, const char* what) {
  const int span = extent + 2 * spec.padding - spec.kernel;
  if (span >= 0) return span / spec.stride + 1;
  issue("kernel", "found " + std::to_string(spec.kernel) + ", larger than the padded input's " +
                      what + " of " + std::to_string(extent + 2 * spec.padding));
  return 0;
}

void LayerResolver::slide_window(int out_channels) {
  const int height = window_extent(in().height, "height");
  const int width = height ? window_extent(in().width, "width") : 0;
  if (height && width) node.output = Shape::image(out_channels, height, width);
}

void LayerResolver::norm(const std::vector<int>& parameter_shape) {
  node.output = in();
  parameter("weight", parameter_shape, ParameterRole::norm_scale);
  parameter("bias", parameter_shape, ParameterRole::norm_shift);
}

void resolve_layer(int index, LayerNode& node, std::vector<NetworkIssue>& issues) {
  LayerResolver layer(index, node, issues);
  const LayerDefinition& kind = definition_of(node.spec.kind);
  const std::size_t inputs = node.inputs.size();
  const std::string has =
      "has " + std::to_string(inputs) + (inputs == 1 ? " input; " : " inputs; ") + kind.word;
  switch (kind.inputs) {
    case LayerInputs::one:
      if (inputs != 1) return layer.issue("inputs", has + " takes exactly one");
      break;
    case LayerInputs::two_or_more:
      if (inputs < 2) return layer.issue("inputs", has + " takes two or more");
      if (inputs > kMaxInputs)
        return layer.issue("inputs", has + " takes at most " + std::to_string(kMaxInputs));
      break;
  }
  kind.infer(layer);
}

void infer_same_shape(LayerResolver& layer) { layer.node.output = layer.in(); }

}  // namespace stagecoach
