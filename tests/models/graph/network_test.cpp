// SPDX-License-Identifier: Apache-2.0
#include "models/graph/network.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

LayerSpec layer(LayerKind kind) {
  LayerSpec s;
  s.kind = kind;
  return s;
}

LayerSpec conv(int out, int kernel, int padding = 0, int stride = 1, int groups = 1) {
  LayerSpec s = layer(LayerKind::conv2d);
  s.out_channels = out;
  s.kernel = kernel;
  s.padding = padding;
  s.stride = stride;
  s.groups = groups;
  return s;
}

std::vector<NetworkIssue> issues_of(const NetworkSpec& spec) {
  std::vector<NetworkIssue> issues;
  build_network(spec, issues);
  return issues;
}

TEST_CASE("shapes and parameters follow PyTorch's rules") {
  NetworkSpec spec;
  spec.input = Shape::image(3, 33, 32);
  spec.layers = {conv(8, 3, 1, 2), conv(6, 1, 0, 1, 2), layer(LayerKind::max_pool2d)};
  spec.layers[2].kernel = 3;
  spec.layers[2].stride = 2;
  spec.layers[2].padding = 1;
  const Network n = build_network(spec);
  CHECK(to_string(n.layers[0].output) == "[8,17,16]");
  CHECK(n.layers[0].parameters[0].shape == std::vector<int>{8, 3, 3, 3});
  CHECK(n.layers[1].parameters[0].shape == std::vector<int>{6, 4, 1, 1});
  CHECK(to_string(n.layers[2].output) == "[6,9,8]");
  CHECK(forward_macs(n.layers[0]) == 8 * 3 * 9 * 17 * 16);
  CHECK(n.trainable_parameters() == 8 * 27 + 8 + 6 * 4 + 6);
}

TEST_CASE("every problem of a network is told with its layer and field") {
  NetworkSpec spec;
  spec.input = Shape::image(3, 8, 8);
  const auto one = [&](LayerSpec l, const std::string& field) {
    spec.layers = {l};
    const auto issues = issues_of(spec);
    REQUIRE(issues.size() == 1);
    CHECK(issues[0].layer == 0);
    CHECK(issues[0].field == field);
    CHECK(issues[0].message.size() > 10);
  };
  one(conv(0, 3), "out_channels");
  one(conv(4, 9), "kernel");
  one(conv(4, 3, 1, 1, 2), "groups");
  one(conv(4, 3, -1), "padding");
  one(layer(LayerKind::linear), "");
  LayerSpec pool = layer(LayerKind::avg_pool2d);
  one(pool, "kernel");
  pool.kernel = 2;
  pool.padding = 2;
  one(pool, "padding");
  LayerSpec drop = layer(LayerKind::dropout);
  drop.probability = 1;
  one(drop, "probability");
  LayerSpec norm = layer(LayerKind::group_norm);
  norm.groups = 2;
  one(norm, "groups");
  one(layer(LayerKind::add), "inputs");
  LayerSpec lost = layer(LayerKind::relu);
  lost.inputs = {"nowhere"};
  one(lost, "inputs");
}

TEST_CASE("duplicate names, unread outputs and adds of unequal shapes are refused") {
  NetworkSpec spec;
  spec.input = Shape::image(3, 8, 8);
  LayerSpec a = conv(4, 3, 1), b = conv(4, 3);
  a.name = b.name = "same";
  spec.layers = {a, b};
  CHECK(issues_of(spec).front().field == "name");
  b.name = "other";
  b.inputs = {"input"};
  spec.layers = {a, b};
  CHECK(issues_of(spec).front().message.find("read by no layer") != std::string::npos);
  LayerSpec sum = layer(LayerKind::add);
  sum.inputs = {"same", "other"};
  spec.layers = {a, b, sum};
  CHECK(issues_of(spec).front().field == "inputs");
  CHECK_THROWS_AS(build_network(spec), UserError);
}

}  // namespace
}  // namespace stagecoach
