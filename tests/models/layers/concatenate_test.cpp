// SPDX-License-Identifier: Apache-2.0
// Does concatenate put channels side by side, split the gradient, and cost what it moves?
#include "models/layers/definition.h"
#include "tests/support/layer_checks.h"

namespace stagecoach {
namespace {

/// Inputs of these channels on 4 x 3 pixels, or of these features.
LayerNode node_of(const std::vector<int>& channels, bool image) {
  LayerNode node;
  node.spec.kind = LayerKind::concatenate;
  node.spec.name = "cat";
  for (std::size_t k = 0; k < channels.size(); ++k) {
    node.inputs.push_back(static_cast<ValueId>(k));
    node.input_shapes.push_back(image ? Shape::image(channels[k], 4, 3)
                                      : Shape::features(channels[k]));
  }
  std::vector<NetworkIssue> issues;
  resolve_layer(0, node, issues);
  REQUIRE(issues.empty());
  return node;
}

TEST_CASE("concatenate puts channels one behind the other and splits the gradient", "[layers]") {
  // Widths of whole vectors, of parts, and of one channel.
  for (const std::vector<int>& channels :
       {std::vector<int>{3, 6}, {16, 16}, {1, 17, 5}, {2, 1, 1, 4}}) {
    for (bool image : {true, false}) {
      const LayerNode node = node_of(channels, image);
      FixtureOptions options;
      options.batch = 3;
      options.extra_halo = 1;
      LayerFixture<double> f(node, make_layer<double>(node), options);
      const std::size_t pixels = image ? 12 : 1;
      f.forward();
      f.backward();
      const std::vector<double> y = f.output(), dy = f.gradient_output();
      std::size_t at = 0;  // PyTorch's order: samples outermost, then channels
      for (std::size_t n = 0; n < 3; ++n) {
        for (std::size_t k = 0; k < channels.size(); ++k) {
          const std::size_t count = pixels * static_cast<std::size_t>(channels[k]);
          for (std::size_t e = 0; e < count; ++e, ++at) {
            REQUIRE(y[at] == f.input(static_cast<int>(k))[n * count + e]);
            REQUIRE(f.gradient_input(static_cast<int>(k))[n * count + e] == dy[at]);
          }
        }
      }
      CHECK(at == y.size());
      check_gradients(node);
      check_accumulation(node);
      check_float_follows_double(node, 0.0);  // no arithmetic: equal
    }
  }
}

TEST_CASE("concatenate leaves the gradient of an unwanted input alone", "[layers]") {
  const LayerNode node = node_of({5, 3}, true);
  LayerFixture<double> f(node, make_layer<double>(node));
  f.forward();
  const std::vector<double> before = f.gradient_input(0);
  BackwardArgs<double>& args = f.backward_args();
  f.wanted_gradient(0).data = nullptr;
  f.run(args);
  CHECK(f.gradient_input(0) == before);
  const std::vector<double> dy = f.gradient_output();
  CHECK(f.gradient_input(1) == std::vector<double>(dy.begin() + 5 * 12, dy.end()));
}

TEST_CASE("concatenate adds up channels and refuses unequal pixels", "[layers]") {
  CHECK(to_string(node_of({3, 6, 1}, true).output) == "[10,4,3]");
  CHECK(to_string(node_of({3, 6}, false).output) == "[9]");
  LayerNode node = node_of({3, 6}, true);
  const auto message = [&](const Shape& second) {
    node.input_shapes[1] = second;
    std::vector<NetworkIssue> issues;
    resolve_layer(0, node, issues);
    return issues.size() == 1 && issues[0].field == "inputs" ? issues[0].message : "";
  };
  CHECK(message(Shape::image(6, 4, 2)) ==
        "concatenates [3,4,3] and [6,4,2]; shapes must be equal but for their channels");
  CHECK(message(Shape::features(72)) ==
        "concatenates [3,4,3] and [72]; shapes must be equal but for their channels");
  node.input_shapes[0] = Shape::features(2147483647);
  CHECK(message(Shape::features(1)) ==
        "concatenates to 2147483648 channels; allowed: at most 2147483647");
}

TEST_CASE("concatenate moves every element once each way and keeps nothing", "[layers]") {
  const LayerWork work = work_of(node_of({3, 6}, true));
  const KeptValues& kept = work.kept;
  CHECK(!(kept.input || kept.output || kept.sign_of_output));
  CHECK(kept.elements + kept.bits + kept.place_bits == 0);
  REQUIRE(work.elementwise.size() == 2);
  for (const ElementwiseWork& w : work.elementwise) {
    CHECK(w.elements == 9 * 12);
    CHECK((w.elements_read == 9 * 12 && w.elements_written == 9 * 12));
  }
}

}  // namespace
}  // namespace stagecoach
