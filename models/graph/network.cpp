// SPDX-License-Identifier: Apache-2.0
// Names and order of a network's layers; shapes and parameters come from each kind's definition.
#include "models/graph/network.h"

#include <algorithm>
#include <unordered_map>

#include "models/base/error.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// Names every layer and finds every input; false if later steps would make no sense.
bool resolve_names(Network& network, std::vector<NetworkIssue>& issues) {
  std::unordered_map<std::string, ValueId> values{{"input", kInputValue}};
  const std::size_t before = issues.size();
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    LayerNode& node = network.layers[i];
    if (node.spec.name.empty()) node.spec.name = to_word(node.spec.kind) + std::to_string(i);
    if (node.spec.inputs.empty()) {
      node.inputs = {i};
    } else {
      for (const std::string& name : node.spec.inputs) {
        const auto found = values.find(name);
        if (found == values.end())
          issues.push_back(
              {i, "inputs", "found \"" + name + "\"; no layer before this one has that name"});
        else
          node.inputs.push_back(found->second);
      }
    }
    if (!values.emplace(node.spec.name, i + 1).second)
      issues.push_back(
          {i, "name", "found \"" + node.spec.name + "\" a second time; names must differ"});
  }
  return issues.size() == before;
}

}  // namespace

std::int64_t Network::trainable_parameters() const {
  std::int64_t n = 0;
  for (const auto& layer : layers) n += layer.trainable_parameters();
  return n;
}

std::vector<int> Network::consumers(ValueId v) const {
  std::vector<int> found;
  for (int i = 0; i < static_cast<int>(layers.size()); ++i)
    if (std::count(layers[i].inputs.begin(), layers[i].inputs.end(), v)) found.push_back(i);
  return found;
}

Network build_network(const NetworkSpec& spec, std::vector<NetworkIssue>& issues) {
  Network network;
  network.input = spec.input;
  if (spec.input.channels < 1 || spec.input.height < 1 || spec.input.width < 1)
    issues.push_back(
        {-1, "input", "found " + to_string(spec.input) + "; extents must be at least 1"});
  if (spec.layers.empty()) issues.push_back({-1, "layers", "found none; at least one is needed"});
  for (const LayerSpec& layer : spec.layers) {
    network.layers.emplace_back();
    network.layers.back().spec = layer;
  }
  if (!resolve_names(network, issues) || !issues.empty()) return network;
  std::vector<bool> used(network.layers.size() + 1, false);
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    LayerNode& node = network.layers[i];
    for (ValueId v : node.inputs) {
      node.input_shapes.push_back(network.shape_of(v));
      used[v] = true;
      if (node.input_shapes.back().channels == 0) return network;  // its producer is already blamed
    }
    resolve_layer(i, node, issues);
  }
  for (int i = 0; i + 1 < static_cast<int>(network.layers.size()); ++i)
    if (!used[i + 1])
      issues.push_back({i, "name",
                        "the output of \"" + network.layers[i].spec.name +
                            "\" is read by no layer; only the last layer's may be"});
  return network;
}

Network build_network(const NetworkSpec& spec) {
  std::vector<NetworkIssue> issues;
  Network network = build_network(spec, issues);
  if (issues.empty()) return network;
  std::string text;
  for (const NetworkIssue& i : issues) {
    if (!text.empty()) text += "\n";
    text += "network";
    if (i.layer >= 0) text += " layer " + std::to_string(i.layer);
    if (!i.field.empty()) text += " " + i.field;
    text += ": " + i.message;
  }
  throw UserError(text);
}

}  // namespace stagecoach
