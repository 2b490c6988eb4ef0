// SPDX-License-Identifier: Apache-2.0
// Does sparse_linear sum over its connections, and are these what the file says?
#include <set>

#include "models/layers/connections.h"
#include "models/layers/definition.h"
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

LayerSpec drawn(int out, int fan_out, int fan_in = 0, int seed = 0) {
  LayerSpec spec;
  spec.kind = LayerKind::sparse_linear;
  spec.out_features = out;
  spec.fan_out = fan_out;
  spec.fan_in = fan_in;
  spec.seed = seed;
  return spec;
}

LayerSpec listed(std::vector<std::vector<int>> connections) {
  LayerSpec spec = drawn(static_cast<int>(connections.size()), 0);
  spec.connections = std::move(connections);
  return spec;
}

TEST_CASE("sparse_linear has the gradients of central differences", "[layers]") {
  for (LayerSpec spec : {drawn(9, 3), drawn(9, 0, 5), listed({{4, 0}, {1}, {0, 1, 6}})}) {
    for (const bool bias : {true, false}) {
      spec.bias = bias;
      const LayerNode node = layer_node(spec, Shape::features(7));
      check_gradients(node);
      check_accumulation(node);
      check_float_follows_double(node, 1e-5);
    }
  }
}

TEST_CASE("sparse_linear with listed connections: a case worked by hand") {
  const LayerNode node = layer_node(listed({{2, 0}, {1}}), Shape::features(3));
  CHECK(node.parameters[0].shape == std::vector<int>{3});
  LayerFixture<double> f(node, make_layer<double>(node));
  f.set_input(0, {1, 2, 3});
  f.set_parameter(0, {10, 20, 30});  // (0,0), (0,2), (1,1)
  f.set_parameter(1, {0.5, -0.5});
  f.forward();
  CHECK(f.output() == std::vector<double>{10 + 60 + 0.5, 60 - 0.5});
  f.set_gradient_output({1, 2});
  f.backward();
  CHECK(f.gradient_input(0) == std::vector<double>{10, 60, 20});
  CHECK(f.gradient_parameter(0) == std::vector<double>{1, 3, 4});
  CHECK(f.gradient_parameter(1) == std::vector<double>{1, 2});
}

TEST_CASE("random connections: each input or output has its number, and no pair comes twice") {
  struct Case {
    int in, out, fan_out, fan_in;
  };
  for (const Case& c : {Case{64, 16, 2, 0},
                        {16, 4, 2, 0},
                        {16, 8, 8, 0},
                        {7, 9, 3, 0},
                        {7, 9, 0, 5},
                        {10, 4, 0, 10},
                        {64, 16, 2, 8},
                        {3, 50, 17, 0}}) {
    for (int seed = 0; seed < 20; ++seed) {
      CAPTURE(c.in, c.out, c.fan_out, c.fan_in, seed);
      const LayerSpec spec = drawn(c.out, c.fan_out, c.fan_in, seed);
      REQUIRE(connection_problem(spec, c.in).message.empty());
      const Connections links = make_connections(spec, c.in);
      const ConnectionCounts counts = connection_counts(spec, c.in);
      REQUIRE(static_cast<std::int64_t>(links.input.size()) == counts.connections);
      std::vector<int> uses(static_cast<std::size_t>(c.in), 0);
      for (int o = 0; o < c.out; ++o) {
        const auto at = static_cast<std::size_t>(o);
        const std::set<int> row(links.input.begin() + links.first[at],
                                links.input.begin() + links.first[at + 1]);
        const int fan_in = links.first[at + 1] - links.first[at];
        CHECK(static_cast<int>(row.size()) == fan_in);
        CHECK(fan_in <= counts.most_fan_in);
        CHECK(fan_in >= counts.most_fan_in - 1);
        if (c.fan_in > 0) CHECK(fan_in == c.fan_in);
        for (const int i : row) ++uses[static_cast<std::size_t>(i)];
      }
      for (const int n : uses) {
        CHECK(n <= counts.most_fan_out);
        CHECK(n >= counts.most_fan_out - 1);
        if (c.fan_out > 0) CHECK(n == c.fan_out);
      }
    }
  }
  const LayerSpec one = drawn(16, 2, 0, 1), other = drawn(16, 2, 0, 2);
  CHECK(make_connections(one, 64).input == make_connections(one, 64).input);
  CHECK(make_connections(one, 64).input != make_connections(other, 64).input);
}

TEST_CASE("connections that cannot be are refused with the field") {
  const auto field = [](const LayerSpec& spec) { return connection_problem(spec, 8).field; };
  CHECK(field(drawn(4, 0)) == "fan_out");
  CHECK(field(drawn(4, 5)) == "fan_out");
  CHECK(field(drawn(4, 0, 9)) == "fan_in");
  CHECK(field(drawn(4, 2, 3)) == "fan_in");
  CHECK(field(drawn(50, 1)) == "fan_out");
  CHECK(field(listed({{0, 8}, {1}})) == "connections/0");
  CHECK(field(listed({{0}, {-1}})) == "connections/1");
  CHECK(field(listed({{0}, {3, 3}})) == "connections/1");
  LayerSpec wrong = listed({{0}, {1}});
  wrong.out_features = 3;
  CHECK(field(wrong) == "connections");
  wrong = listed({{0}, {1}});
  wrong.fan_in = 1;
  CHECK(field(wrong) == "connections");
  CHECK(field(listed({{0}, {1}})).empty());
}

TEST_CASE("sparse_linear does as many multiplications as it has connections, in every pass") {
  for (const LayerSpec& spec : {drawn(9, 3), listed({{4, 0}, {1}, {0, 1, 6}})}) {
    const LayerNode node = layer_node(spec, Shape::features(7));
    const std::int64_t connections = connection_counts(spec, 7).connections;
    const LayerWork work = work_of(node);
    REQUIRE(work.products.size() == 3);
    for (const MatrixProduct& p : work.products) {
      CHECK(p.macs() == connections);
      CHECK(for_samples(p, 5).macs() == 5 * connections);
    }
    CHECK(forward_macs(node) == connections);
    CHECK(node.trainable_parameters() == connections + spec.out_features);
  }
}

}  // namespace
}  // namespace stagecoach
