// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/held_values.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "models/layers/definition.h"

namespace stagecoach {

namespace {

/// The value that `v` is another name of.
ValueId root_of(const Network& network, ValueId v) {
  while (v != kInputValue) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(v - 1)];
    if (!work_of(node).renames_input) break;
    v = node.inputs.at(0);
  }
  return v;
}

}  // namespace

Bytes whole_bytes(double count, double bytes) { return rounded_up<Bytes>(count * bytes - 1e-9); }

namespace {

/// A set of values, and what is kept beside them.
struct HeldValues {
  std::set<ValueId> values;
  double extra_elements = 0;  ///< in the precision of activations
  double bits = 0;

  double elements(const Network& network) const {
    double count = 0;
    for (ValueId v : values) count += static_cast<double>(network.shape_of(v).elements());
    return count;
  }
  Bytes bytes(const Network& network, const ElementSpec& e) const {
    return whole_bytes(extra_elements + elements(network), e.activations_bytes) +
           whole_bytes(bits, 1.0 / 8);
  }
};

bool counts_modules(const ElementSpec& e) {
  return e.kept_activations == KeptActivations::values_and_gradients;
}

/// The output of every layer that is no other name of its input.
HeldValues module_outputs(const Network& network, const StageSpec& stage) {
  HeldValues held;
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    if (root_of(network, l + 1) == l + 1) held.values.insert(l + 1);
  }
  return held;
}

HeldValues held_values(const Network& network, const StageSpec& stage,
                       const ElementSpec& elements) {
  const bool all = elements.kept_activations == KeptActivations::every_output;
  HeldValues held;
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    const KeptValues keeps = work_of(node).kept;
    if (keeps.input) held.values.insert(root_of(network, node.inputs.at(0)));
    if (keeps.output || all) held.values.insert(root_of(network, l + 1));
    if (all) {
      for (ValueId v : node.inputs) held.values.insert(root_of(network, v));
    }
    held.extra_elements += keeps.elements;
    held.bits += keeps.bits + (all ? 0 : keeps.place_bits);
  }
  if (stage.has_loss) {
    held.values.insert(root_of(network, static_cast<ValueId>(network.layers.size())));
  }
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    if (!work_of(node).kept.sign_of_output) continue;
    const bool known = held.values.count(root_of(network, node.inputs.at(0))) > 0 ||
                       held.values.count(root_of(network, l + 1)) > 0;
    if (!known) held.bits += static_cast<double>(node.output.elements());
  }
  return held;
}

/// Whether a pass of the layer reads the activations that it keeps.
bool reads_activations(const LayerWork& work, LayerPass pass) {
  const auto reads = [pass](const MatrixProduct& p) {
    return p.pass() == pass &&
           (p.left.role == OperandRole::activation || p.right.role == OperandRole::activation);
  };
  return std::any_of(work.products.begin(), work.products.end(), reads) ||
         std::any_of(work.elementwise.begin(), work.elementwise.end(),
                     [pass](const ElementwiseWork& w) { return w.pass == pass; });
}

}  // namespace

Bytes held_bytes_per_sample(const Network& network, const StageSpec& stage,
                            const ElementSpec& elements) {
  if (!counts_modules(elements)) {
    return held_values(network, stage, elements).bytes(network, elements);
  }
  return whole_bytes(module_outputs(network, stage).elements(network),
                     elements.activations_bytes + elements.gradients_bytes);
}

HeldReads held_reads_per_sample(const Network& network, const StageSpec& stage,
                                const ElementSpec& elements) {
  // A count of modules does not know which half reads what.
  const Bytes counted = held_bytes_per_sample(network, stage, elements);
  if (counts_modules(elements)) return {counted, counted};
  // Statistics, signs and masks belong to elementwise work, as does the loss.
  const HeldValues held = held_values(network, stage, elements);
  HeldValues weights, inputs = held;
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    const LayerWork work = work_of(node);
    if (work.kept.input && reads_activations(work, LayerPass::weight_gradient))
      weights.values.insert(root_of(network, node.inputs.at(0)));
  }
  if (elements.kept_activations == KeptActivations::needed) {
    inputs.values.clear();
    for (int l = stage.first_layer; l < stage.end_layer; ++l) {
      const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
      const LayerWork work = work_of(node);
      if (!reads_activations(work, LayerPass::input_gradient)) continue;
      if (work.kept.input) inputs.values.insert(root_of(network, node.inputs.at(0)));
      if (work.kept.output) inputs.values.insert(root_of(network, l + 1));
    }
    if (stage.has_loss)
      inputs.values.insert(root_of(network, static_cast<ValueId>(network.layers.size())));
  }
  return {inputs.bytes(network, elements), weights.bytes(network, elements)};
}

Bytes input_bytes_per_sample(const Network& network, const StageSpec& stage,
                             const ElementSpec& elements) {
  double count = 0;
  for (const StageInput& input : stage.inputs) {
    count += static_cast<double>(network.shape_of(input.value).elements());
  }
  return whole_bytes(count, elements.activations_bytes);
}

Bytes gradient_bytes_per_sample(const Network& network, const StageSpec& stage,
                                const ElementSpec& elements, bool splits_backward) {
  if (counts_modules(elements)) return 0;  // all are held with their values
  std::set<ValueId> values(stage.outputs.begin(), stage.outputs.end());
  for (int l = stage.first_layer; splits_backward && l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    if (node.trainable_parameters() > 0) values.insert(l + 1);
  }
  double count = 0;
  for (ValueId v : values) count += static_cast<double>(network.shape_of(v).elements());
  return whole_bytes(count, elements.gradients_bytes);
}

Bytes working_bytes_per_sample(const Network& network, const StageSpec& stage,
                               const ElementSpec& elements) {
  // The last layer of the stage that wants a value; past the end for what leaves the stage.
  std::map<ValueId, int> wanted_until;
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    for (ValueId v : network.layers[static_cast<std::size_t>(l)].inputs)
      wanted_until[root_of(network, v)] = l;
  }
  for (ValueId v : stage.outputs) wanted_until[root_of(network, v)] = stage.end_layer;
  std::set<ValueId> there;
  for (const StageInput& input : stage.inputs) there.insert(root_of(network, input.value));
  const auto bytes = [&] {
    double count = 0;
    for (ValueId v : there) count += static_cast<double>(network.shape_of(v).elements());
    return whole_bytes(count, elements.activations_bytes);
  };
  Bytes most = bytes();
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    there.insert(root_of(network, l + 1));
    most = std::max(most, bytes());
    for (auto v = there.begin(); v != there.end();) {
      const auto until = wanted_until.find(*v);
      const bool last = l + 1 == stage.end_layer;  // a network's output stays until it has left
      const bool gone = until != wanted_until.end() ? until->second <= l : !last;
      v = gone ? there.erase(v) : std::next(v);
    }
  }
  return most;
}

}  // namespace stagecoach
