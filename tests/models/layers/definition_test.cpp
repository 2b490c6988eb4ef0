// SPDX-License-Identifier: Apache-2.0
// Question: is every kind of layer whole, and does what it says about itself agree with its
// kernels? A new kind is looked at without a line here.
#include "models/layers/definition.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/example_layer.h"

namespace stagecoach {
namespace {

std::int64_t input_elements(const LayerNode& node) {
  std::int64_t n = 0;
  for (const Shape& s : node.input_shapes) n += s.elements();
  return n;
}

TEST_CASE("every kind has a word that leads back to it, and a sentence", "[layers]") {
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    LayerKind back = LayerKind::identity;
    CHECK(parse_layer_kind(to_word(kind), back));
    CHECK(back == kind);
    CHECK(std::string(definition_of(kind).sentence).back() == '.');
  }
  CHECK(all_layer_kinds().size() >= 18);
  LayerKind kind = LayerKind::identity;
  CHECK_FALSE(parse_layer_kind("conv3d", kind));
}

TEST_CASE("every kind refuses too few or too many inputs", "[layers]") {
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const bool several = definition_of(kind).inputs == LayerInputs::two_or_more;
    const auto field_of = [&](std::size_t inputs) {
      LayerNode node = example_layer(kind);
      node.inputs.assign(inputs, 1);
      node.input_shapes.assign(inputs, node.input_shapes.front());
      std::vector<NetworkIssue> issues;
      resolve_layer(0, node, issues);
      return issues.empty() ? std::string() : issues.front().field;
    };
    CHECK(field_of(several ? 1 : 2) == "inputs");
    CHECK(field_of(several ? kMaxInputs + 1 : 3) == "inputs");
  }
}

TEST_CASE("a kind's work is products, elementwise work, or another name", "[layers]") {
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const LayerNode node = example_layer(kind);
    const LayerWork work = work_of(node);
    CHECK(work.renames_input == (work.products.empty() && work.elementwise.empty()));
    for (const ElementwiseWork& w : work.elementwise) {
      REQUIRE(w.cost != nullptr);
      CHECK(w.elements > 0);
      CHECK(w.pass != LayerPass::weight_gradient);  // input_gradient stands for the whole backward
      if (w.pass != LayerPass::forward || !work.products.empty()) continue;
      // Statistics over a micro-batch come first.
      const int times = kind == LayerKind::batch_norm2d ? 2 : 1;
      CHECK(w.elements_read == times * input_elements(node));
      CHECK(w.elements_written == node.output.elements());
    }
    for (const MatrixProduct& p : work.products) {
      CHECK(p.macs() > 0);
      if (p.right.role == OperandRole::weight)
        CHECK(p.right.elements ==
              (p.connections > 0 ? p.connections : p.groups * p.k.size() * p.n.size()));
      const MatrixProduct three = for_samples(p, 3);
      CHECK(three.macs() == 3 * p.macs());
      CHECK((three.right.role == OperandRole::weight ||
             three.right.elements == 3 * p.right.elements));
    }
  }
}

TEST_CASE("products with weights cover every weight tensor, and each has a gradient", "[layers]") {
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const LayerNode node = example_layer(kind);
    const LayerWork work = work_of(node);
    CHECK((forward_macs(node) > 0) == !work.products.empty());
    if (work.products.empty()) continue;
    std::int64_t parameters = 0, read = 0, updated = 0, forward = 0;
    for (const ParameterSpec& p : node.parameters)
      if (p.role == ParameterRole::weight) parameters += p.elements();
    for (const MatrixProduct& p : work.products) {
      if (p.pass() == LayerPass::weight_gradient) updated += p.result.elements;
      if (p.pass() != LayerPass::forward) continue;
      forward += p.macs();
      if (p.right.role == OperandRole::weight) read += p.right.elements;
    }
    CHECK(read == parameters);
    CHECK(updated == parameters);
    CHECK(forward_macs(node) == forward);
  }
}

TEST_CASE("costs of elementwise work are listed once, by the kind that states them", "[layers]") {
  std::vector<std::string> keys;
  for (const ElementwiseCost* cost : elementwise_costs()) {
    CHECK(std::count(keys.begin(), keys.end(), cost->key) == 0);
    keys.push_back(cost->key);
  }
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const LayerWork work = work_of(example_layer(kind));
    for (const ElementwiseWork& w : work.elementwise)
      CHECK(std::count(keys.begin(), keys.end(), w.cost->key) == 1);
    for (const MatrixProduct& p : work.products)
      if (p.fused_cost) CHECK(std::count(keys.begin(), keys.end(), p.fused_cost->key) == 1);
  }
}

// The engine may keep more than hardware would (online_norm reads its input and its output; one of
// them gives the other), or find values again (dropout's mask); what hardware keeps must be enough.
TEST_CASE("what a kind keeps covers what its backward reads", "[layers]") {
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const LayerNode node = example_layer(kind);
    const LayerNeeds needs = make_layer<float>(node)->needs();
    const KeptValues kept = work_of(node).kept;
    const bool output = kept.output || kept.sign_of_output;
    if (needs.backward_reads_input && needs.backward_reads_output)
      CHECK((kept.input || output));
    else
      CHECK((kept.input == needs.backward_reads_input && output == needs.backward_reads_output));
    if (needs.saved_per_sample > 0 || needs.saved_per_micro_batch > 0)
      CHECK(kept.elements + kept.bits + kept.place_bits > 0);
  }
}

TEST_CASE("float and double kernels of a kind have the same parameters", "[layers]") {
  for (LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    const LayerNode node = example_layer(kind);
    std::size_t trainable = 0;
    for (const ParameterSpec& p : node.parameters) trainable += p.trainable();
    CHECK(make_layer<float>(node)->slots().size() == trainable);
    CHECK(make_layer<double>(node)->slots().size() == trainable);
  }
}

}  // namespace
}  // namespace stagecoach
