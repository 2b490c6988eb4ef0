// SPDX-License-Identifier: Apache-2.0
#include "models/graph/partition.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"

namespace stagecoach {
namespace {

LayerSpec plain_layer(const std::string& name, LayerKind kind,
                      std::vector<std::string> inputs = {}) {
  LayerSpec s;
  s.name = name;
  s.kind = kind;
  s.inputs = std::move(inputs);
  s.out_channels = 4;
  s.out_features = 10;
  s.kernel = 3;
  s.padding = kind == LayerKind::conv2d ? 1 : 0;
  return s;
}

/// conv1 relu1 conv2 (+ skip from relu1) add relu2 flatten fc
Network residual() {
  NetworkSpec spec;
  spec.input = Shape::image(4, 8, 8);
  spec.layers = {plain_layer("conv1", LayerKind::conv2d),
                 plain_layer("relu1", LayerKind::relu),
                 plain_layer("conv2", LayerKind::conv2d),
                 plain_layer("conv3", LayerKind::conv2d),
                 plain_layer("sum", LayerKind::add, {"conv3", "relu1"}),
                 plain_layer("relu2", LayerKind::relu),
                 plain_layer("flatten", LayerKind::flatten),
                 plain_layer("fc", LayerKind::linear)};
  return build_network(spec);
}

TEST_CASE("per_layer starts a stage at every weight matrix and keeps followers with it") {
  const Partition p = make_partition(residual(), {});
  REQUIRE(p.size() == 4);
  CHECK(p[0].name == "conv1");
  CHECK(p[0].end_layer == 2);
  CHECK(p[2].end_layer == 7);  // conv3, sum, relu2, flatten
  CHECK(p[3].name == "fc");
  CHECK(p[3].has_loss);
}

TEST_CASE("a skip edge is an input of the stage that reads it and an output of its maker") {
  const Partition p = make_partition(residual(), {});
  REQUIRE(p[2].inputs.size() == 2);
  CHECK(p[2].inputs[0].value == 2);  // relu1, made two stages before
  CHECK(p[2].inputs[0].producer_stage == 0);
  CHECK(p[2].inputs[1].value == 3);
  CHECK(p[0].outputs == std::vector<ValueId>{2});
  CHECK(p[0].inputs.front().producer_stage == -1);
}

TEST_CASE("per_module gives every layer a stage and the loss its own") {
  const Network network = residual();
  PartitionSpec spec;
  spec.kind = PartitionKind::per_module;
  const Partition p = make_partition(network, spec);
  REQUIRE(p.size() == network.layers.size() + 1);
  CHECK(p.back().name == "loss");
  CHECK(p.back().first_layer == p.back().end_layer);
  REQUIRE(p.back().inputs.size() == 1);
  CHECK(p.back().inputs[0].value == static_cast<int>(network.layers.size()));
}

TEST_CASE("cuts are a placement vector, and wrong cuts are refused by name") {
  const Network network = residual();
  PartitionSpec spec;
  spec.kind = PartitionKind::cuts;
  spec.cuts = {"relu1", "sum"};
  const Partition p = make_partition(network, spec);
  REQUIRE(p.size() == 3);
  CHECK(p[1].first_layer == 2);
  CHECK(p[2].first_layer == 5);
  CHECK(stage_of_layers(network, p) == std::vector<int>{0, 0, 1, 1, 1, 2, 2, 2});
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"conv9"}, {"sum", "relu1"}, {"sum", "sum"}}) {
    spec.cuts = wrong;
    CHECK_THROWS_AS(make_partition(network, spec), UserError);
  }
}

TEST_CASE("a cut after the last layer makes the loss a stage of its own, at no cost") {
  PartitionSpec spec;
  spec.kind = PartitionKind::cuts;
  spec.cuts = {"relu1", "fc"};
  const Partition p = make_partition(residual(), spec);
  REQUIRE(p.size() == 3);
  CHECK(p[2].name == "loss");
  CHECK(p[2].has_loss);
  CHECK(p[2].free_loss);
  spec.kind = PartitionKind::per_module;
  CHECK_FALSE(make_partition(residual(), spec).back().free_loss);
}

}  // namespace
}  // namespace stagecoach
