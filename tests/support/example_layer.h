// SPDX-License-Identifier: Apache-2.0
// A small layer of any kind, for tests that look at all of them.
#pragma once

#include <string>
#include <vector>

#include "models/base/error.h"
#include "models/layers/definition.h"

namespace stagecoach {

/// A layer of the kind on an image, or on features where it takes no image; not the first layer.
inline LayerNode example_layer(LayerKind kind) {
  LayerNode node;
  for (const Shape& input : {Shape::image(8, 6, 5), Shape::features(24)}) {
    node = {};
    node.spec.kind = kind;
    node.spec.name = "layer";
    node.spec.out_channels = 4, node.spec.out_features = 10;
    node.spec.fan_in = 5;
    node.spec.kernel = 3, node.spec.padding = 1, node.spec.groups = 2;
    node.inputs = {1};
    if (definition_of(kind).inputs == LayerInputs::two_or_more) node.inputs = {1, 2, 3};
    node.input_shapes.assign(node.inputs.size(), input);
    std::vector<NetworkIssue> issues;
    resolve_layer(0, node, issues);
    if (issues.empty()) return node;
  }
  throw ModelBug(std::string("no example of ") + to_word(kind) + " could be made");
}

}  // namespace stagecoach
