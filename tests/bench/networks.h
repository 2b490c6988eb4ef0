// SPDX-License-Identifier: Apache-2.0
// The networks of the tables of layers and of fast paths, and how their rows are called.
#pragma once

#include <string>

#include "models/graph/families.h"

namespace stagecoach::bench {

struct BenchNetwork {
  const char* name;
  Family family;
  int depth;             ///< 0: the family's own
  int samples_an_epoch;  ///< few: an epoch is one measurement of every layer
};
constexpr BenchNetwork kNetworks[] = {{"lenet5", Family::lenet5, 0, 10},
                                      {"resnet20", Family::resnet_cifar, 20, 4},
                                      {"resnet110", Family::resnet_cifar, 110, 10},
                                      {"vgg11", Family::vgg, 11, 2}};

inline Network network_of(const BenchNetwork& choice) {
  FamilySpec family = default_family_spec(choice.family);
  if (choice.depth) family.depth = choice.depth;
  return build_network(build_family(family));
}

/// "conv2d 3x3 16@32 to 32@16": kind and shapes.
inline std::string row_name(const LayerNode& node) {
  const auto shape = [](const Shape& s) {
    return std::to_string(s.channels) + (s.rank == 3 ? "@" + std::to_string(s.height) : "");
  };
  std::string name = to_word(node.spec.kind);
  if (node.spec.kind == LayerKind::conv2d)
    name += " " + std::to_string(node.spec.kernel) + "x" + std::to_string(node.spec.kernel);
  name += " " + shape(node.input_shapes[0]);
  return node.input_shapes[0] == node.output ? name : name + " to " + shape(node.output);
}

}  // namespace stagecoach::bench
