// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/held_values.h"

#include <cmath>
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

Bytes held_bytes_per_sample(const Network& network, const StageSpec& stage,
                            const ElementSpec& elements) {
  const bool all = elements.kept_activations == KeptActivations::every_output;
  std::set<ValueId> values;
  double extra_elements = 0, bits = 0;
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    const KeptValues keeps = work_of(node).kept;
    if (keeps.input) values.insert(root_of(network, node.inputs.at(0)));
    if (keeps.output || all) values.insert(root_of(network, l + 1));
    if (all) {
      for (ValueId v : node.inputs) values.insert(root_of(network, v));
    }
    extra_elements += keeps.elements;
    bits += keeps.bits + (all ? 0 : keeps.place_bits);
  }
  if (stage.has_loss) {
    values.insert(root_of(network, static_cast<ValueId>(network.layers.size())));
  }
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    if (!work_of(node).kept.sign_of_output) continue;
    const bool known = values.count(root_of(network, node.inputs.at(0))) > 0 ||
                       values.count(root_of(network, l + 1)) > 0;
    if (!known) bits += static_cast<double>(node.output.elements());
  }
  double count = extra_elements;
  for (ValueId v : values) count += static_cast<double>(network.shape_of(v).elements());
  return whole_bytes(count, elements.activations_bytes) + whole_bytes(bits, 1.0 / 8);
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
  std::set<ValueId> values(stage.outputs.begin(), stage.outputs.end());
  for (int l = stage.first_layer; splits_backward && l < stage.end_layer; ++l) {
    const LayerNode& node = network.layers[static_cast<std::size_t>(l)];
    if (node.trainable_parameters() > 0) values.insert(l + 1);
  }
  double count = 0;
  for (ValueId v : values) count += static_cast<double>(network.shape_of(v).elements());
  return whole_bytes(count, elements.gradients_bytes);
}

}  // namespace stagecoach
