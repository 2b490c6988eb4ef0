// SPDX-License-Identifier: Apache-2.0
// First weights: drawn from the seed or taken from a file; and the way back out.
#include <cmath>
#include <set>

#include "models/base/error.h"
#include "models/base/hash.h"
#include "models/base/random.h"
#include "models/engine/pipeline_engine.h"

namespace stagecoach {
namespace {

double draw(Initialization how, const ParameterSpec& p, Random& random) {
  switch (p.role) {
    case ParameterRole::norm_scale:
      return 1;
    case ParameterRole::norm_shift:
      return 0;
    case ParameterRole::running_statistic:
      return 0;
    case ParameterRole::bias:
      if (how != Initialization::kaiming_uniform) return 0;
      break;
    case ParameterRole::weight:
      break;
  }
  switch (how) {
    case Initialization::kaiming_uniform: {
      const double bound = 1 / std::sqrt(static_cast<double>(p.fan_in));
      return random.uniform(-bound, bound);
    }
    case Initialization::he_normal:
      if (p.shape.size() == 2) return random.uniform(-1, 1) / std::sqrt(1.0 * p.fan_in);
      return random.normal() * std::sqrt(2.0 / p.fan_out);
    case Initialization::glorot_uniform: {
      const double bound = std::sqrt(6.0 / (p.fan_in + p.fan_out));
      return random.uniform(-bound, bound);
    }
  }
  return 0;
}

template <class T>
std::vector<T> converted(const std::vector<double>& values) {
  return std::vector<T>(values.begin(), values.end());
}

}  // namespace

template <class T>
void PipelineEngine<T>::initialize() {
  const std::vector<int> stage_of = stage_of_layers(network_, partition_);
  for (int l = 0; l < static_cast<int>(network_.layers.size()); ++l) {
    Stage& stage = *stages_[stage_of[l]];
    const LayerNode& node = network_.layers[l];
    values_.layers[l]->init_state(stage.state.data() + values_.state_offset[l]);
    for (const ParameterSlot& slot : values_.layers[l]->slots()) {
      const ParameterSpec& p = node.parameters[slot.parameter];
      Random random(mix(train_.seed, hash_of(node.spec.name + "." + p.name)));
      std::vector<T> tensor(static_cast<std::size_t>(p.elements()));
      for (T& x : tensor) x = static_cast<T>(draw(train_.initialization, p, random));
      values_.layers[l]->import_parameter(slot, tensor.data(),
                                          stage.weights.current() + values_.parameter_offset[l]);
    }
  }
  for (auto& stage : stages_) stage->weights.start();
}

template <class T>
void PipelineEngine<T>::import_weights(const TensorMap& tensors, const std::string& file) {
  const std::vector<int> stage_of = stage_of_layers(network_, partition_);
  std::string wrong;
  std::set<std::string> used;
  auto find = [&](const std::string& name, const ParameterSpec& p) -> const HostTensor* {
    used.insert(name);
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      wrong += "\n  tensor \"" + name + "\" of shape " + to_string(p.shape) + " is missing";
      return nullptr;
    }
    if (found->second.shape == p.shape) return &found->second;
    wrong += "\n  tensor \"" + name + "\": found shape " + to_string(found->second.shape) +
             ", the network needs " + to_string(p.shape);
    return nullptr;
  };
  for (int l = 0; l < static_cast<int>(network_.layers.size()); ++l) {
    Stage& stage = *stages_[stage_of[l]];
    const LayerNode& node = network_.layers[l];
    T* state = stage.state.data() + values_.state_offset[l];
    values_.layers[l]->init_state(state);
    const std::string prefix = node.spec.name + ".";
    for (const ParameterSlot& slot : values_.layers[l]->slots()) {
      const ParameterSpec& p = node.parameters[slot.parameter];
      if (const HostTensor* t = find(prefix + p.name, p))
        values_.layers[l]->import_parameter(slot, converted<T>(t->values).data(),
                                            stage.weights.current() + values_.parameter_offset[l]);
    }
    for (int i = 0; i < static_cast<int>(node.parameters.size()); ++i) {
      const ParameterSpec& p = node.parameters[i];
      if (p.trainable()) continue;
      if (const HostTensor* t = find(prefix + p.name, p))
        values_.layers[l]->import_state(i, converted<T>(t->values).data(), state);
    }
  }
  for (const auto& [name, tensor] : tensors)
    if (!used.count(name))
      wrong += "\n  tensor \"" + name + "\" of shape " + to_string(tensor.shape) +
               " belongs to no layer of the network";
  if (!wrong.empty()) throw UserError(file + ": does not fit the network:" + wrong);
  for (auto& stage : stages_) stage->weights.start();
}

template <class T>
TensorMap PipelineEngine<T>::export_weights() const {
  const std::vector<int> stage_of = stage_of_layers(network_, partition_);
  TensorMap tensors;
  for (int l = 0; l < static_cast<int>(network_.layers.size()); ++l) {
    const Stage& stage = *stages_[stage_of[l]];
    const LayerNode& node = network_.layers[l];
    auto store = [&](const ParameterSpec& p, const std::vector<T>& values) {
      tensors[node.spec.name + "." + p.name] = {p.shape, {values.begin(), values.end()}};
    };
    for (const ParameterSlot& slot : values_.layers[l]->slots()) {
      const ParameterSpec& p = node.parameters[slot.parameter];
      std::vector<T> tensor(static_cast<std::size_t>(p.elements()));
      values_.layers[l]->export_parameter(
          slot, stage.weights.current() + values_.parameter_offset[l], tensor.data());
      store(p, tensor);
    }
    for (int i = 0; i < static_cast<int>(node.parameters.size()); ++i) {
      const ParameterSpec& p = node.parameters[i];
      if (p.trainable()) continue;
      std::vector<T> tensor(static_cast<std::size_t>(p.elements()));
      values_.layers[l]->export_state(i, stage.state.data() + values_.state_offset[l],
                                      tensor.data());
      store(p, tensor);
    }
  }
  return tensors;
}

template void PipelineEngine<float>::initialize();
template void PipelineEngine<double>::initialize();
template void PipelineEngine<float>::import_weights(const TensorMap&, const std::string&);
template void PipelineEngine<double>::import_weights(const TensorMap&, const std::string&);
template TensorMap PipelineEngine<float>::export_weights() const;
template TensorMap PipelineEngine<double>::export_weights() const;

}  // namespace stagecoach
