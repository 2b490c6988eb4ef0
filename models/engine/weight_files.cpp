// SPDX-License-Identifier: Apache-2.0
#include "models/engine/weight_files.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "models/base/error.h"
#include "models/base/hash.h"
#include "models/base/random.h"
#include "models/data/tensor_names.h"

namespace stagecoach {
namespace {

double draw_value(Initialization how, const ParameterSpec& p, Random& random) {
  switch (p.role) {
    case ParameterRole::norm_scale:
      return 1;
    case ParameterRole::norm_shift:
      return 0;
    case ParameterRole::running_statistic:
    case ParameterRole::running_variance:
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

/// Finds tensors by name and shape, as elements of T, and notes everything that does not fit.
template <class T>
class TensorLookup {
 public:
  explicit TensorLookup(const NamedTensors& named) : tensors_(named.by_name) {}

  /// The tensor of a parameter; empty if there is none.
  std::vector<T> find(const std::string& layer, const ParameterSpec& parameter) {
    const std::string name = layer + "." + parameter.name;
    const std::vector<int>& shape = parameter.shape;
    used_.insert(name);
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      note(name, " of shape " + to_string(shape) + " is missing");
      return {};
    }
    const HostTensor& tensor = *found->second;
    if (tensor.shape == shape) return converted(name, parameter, tensor.values);
    note(name,
         ": found shape " + to_string(tensor.shape) + ", the network needs " + to_string(shape));
    return {};
  }

  void throw_if_wrong(const std::string& file) {
    for (const auto& [name, tensor] : tensors_)
      if (!used_.count(name))
        note(name, " of shape " + to_string(tensor->shape) + " belongs to no layer of the network");
    if (count_ > kMostTold)
      wrong_ += "\n  and " + std::to_string(count_ - kMostTold) + " tensors more";
    if (!wrong_.empty()) throw UserError(file + ": does not fit the network:" + wrong_);
  }

 private:
  static constexpr int kMostTold = 50;

  std::vector<T> converted(const std::string& name, const ParameterSpec& parameter,
                           const std::vector<double>& values) {
    std::vector<T> all(values.begin(), values.end());
    const bool variance = parameter.role == ParameterRole::running_variance;
    const auto bad = std::find_if(all.begin(), all.end(), [variance](T x) {
      return !std::isfinite(x) || (variance && x < 0);
    });
    if (bad != all.end()) {
      const auto place = static_cast<std::size_t>(bad - all.begin());
      char value[40];
      std::snprintf(value, sizeof value, "%.9g", values[place]);
      note(name, ": element " + std::to_string(place) + " is " + value +
                     "; allowed: " + (variance ? "variances, 0 or more, " : "numbers ") +
                     "that the precision of the run holds");
    }
    return all;
  }

  void note(const std::string& name, const std::string& what) {
    constexpr std::size_t kMostName = 80, kMostWhat = 200;  // as long as the file, else
    if (++count_ <= kMostTold)
      wrong_ += "\n  tensor \"" + name.substr(0, kMostName) + "\"" + what.substr(0, kMostWhat);
  }

  const std::map<std::string, const HostTensor*>& tensors_;
  std::set<std::string> used_;
  std::string wrong_;
  int count_ = 0;
};

/// Names of all parameters and running statistics.
std::set<std::string> tensor_names(const Network& network) {
  std::set<std::string> names;
  for (const LayerNode& node : network.layers)
    for (const ParameterSpec& p : node.parameters) names.insert(node.spec.name + "." + p.name);
  return names;
}

}  // namespace

template <class T>
void WeightFiles<T>::clear_statistics() {
  for (std::size_t l = 0; l < blocks_.size(); ++l)
    plan_.layers[l]->init_state(blocks_[l].statistics);
}

template <class T>
void WeightFiles<T>::draw(Initialization how, std::uint64_t seed) {
  clear_statistics();
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const LayerNode& node = network_.layers[l];
    for (const ParameterSlot& slot : plan_.layers[l]->slots()) {
      const ParameterSpec& p = node.parameters[slot.parameter];
      Random random(mix(seed, hash_of(node.spec.name + "." + p.name)));
      std::vector<T> tensor(static_cast<std::size_t>(p.elements()));
      for (T& x : tensor) x = static_cast<T>(draw_value(how, p, random));
      plan_.layers[l]->import_parameter(slot, tensor.data(), blocks_[l].parameters);
    }
  }
}

template <class T>
std::vector<std::string> WeightFiles<T>::import_tensors(const TensorMap& tensors,
                                                        const std::string& file) {
  clear_statistics();
  const NamedTensors named = named_tensors(tensors, tensor_names(network_));
  TensorLookup<T> lookup(named);
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const LayerNode& node = network_.layers[l];
    const Layer<T>& layer = *plan_.layers[l];
    for (const ParameterSlot& slot : layer.slots()) {
      const ParameterSpec& p = node.parameters[slot.parameter];
      const std::vector<T> values = lookup.find(node.spec.name, p);
      if (!values.empty()) layer.import_parameter(slot, values.data(), blocks_[l].parameters);
    }
    for (int i = 0; i < static_cast<int>(node.parameters.size()); ++i) {
      const ParameterSpec& p = node.parameters[i];
      if (p.trainable()) continue;
      const std::vector<T> values = lookup.find(node.spec.name, p);
      if (!values.empty()) layer.import_state(i, values.data(), blocks_[l].statistics);
    }
  }
  lookup.throw_if_wrong(file);
  return named.notes;
}

template <class T>
TensorMap WeightFiles<T>::export_tensors() const {
  TensorMap tensors;
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const LayerNode& node = network_.layers[l];
    const Layer<T>& layer = *plan_.layers[l];
    const auto store = [&](const ParameterSpec& p, const std::vector<T>& values) {
      tensors[node.spec.name + "." + p.name] = {p.shape, {values.begin(), values.end()}};
    };
    for (const ParameterSlot& slot : layer.slots()) {
      const ParameterSpec& p = node.parameters[slot.parameter];
      std::vector<T> tensor(static_cast<std::size_t>(p.elements()));
      layer.export_parameter(slot, blocks_[l].parameters, tensor.data());
      store(p, tensor);
    }
    for (int i = 0; i < static_cast<int>(node.parameters.size()); ++i) {
      const ParameterSpec& p = node.parameters[i];
      if (p.trainable()) continue;
      std::vector<T> tensor(static_cast<std::size_t>(p.elements()));
      layer.export_state(i, blocks_[l].statistics, tensor.data());
      store(p, tensor);
    }
  }
  return tensors;
}

template <class T>
std::vector<std::string> check_tensors(const Network& network, const TensorMap& tensors,
                                       const std::string& file) {
  const NamedTensors named = named_tensors(tensors, tensor_names(network));
  TensorLookup<T> lookup(named);
  for (const LayerNode& node : network.layers)
    for (const ParameterSpec& p : node.parameters) lookup.find(node.spec.name, p);
  lookup.throw_if_wrong(file);
  return named.notes;
}

template class WeightFiles<float>;
template class WeightFiles<double>;
template std::vector<std::string> check_tensors<float>(const Network&, const TensorMap&,
                                                       const std::string&);
template std::vector<std::string> check_tensors<double>(const Network&, const TensorMap&,
                                                        const std::string&);

}  // namespace stagecoach
