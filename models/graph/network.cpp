// SPDX-License-Identifier: Apache-2.0
// Names, shapes and parameters of a network: the one switch over LayerKind on the shape side.
#include "models/graph/network.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "models/base/error.h"

namespace stagecoach {
namespace {

struct KindWord {
  LayerKind kind;
  const char* word;
};

constexpr KindWord kWords[] = {
    {LayerKind::conv2d, "conv2d"},
    {LayerKind::linear, "linear"},
    {LayerKind::relu, "relu"},
    {LayerKind::tanh, "tanh"},
    {LayerKind::sigmoid, "sigmoid"},
    {LayerKind::max_pool2d, "max_pool2d"},
    {LayerKind::avg_pool2d, "avg_pool2d"},
    {LayerKind::global_avg_pool2d, "global_avg_pool2d"},
    {LayerKind::flatten, "flatten"},
    {LayerKind::batch_norm2d, "batch_norm2d"},
    {LayerKind::group_norm, "group_norm"},
    {LayerKind::layer_norm, "layer_norm"},
    {LayerKind::filter_response_norm, "filter_response_norm"},
    {LayerKind::online_norm, "online_norm"},
    {LayerKind::local_response_norm, "local_response_norm"},
    {LayerKind::dropout, "dropout"},
    {LayerKind::identity, "identity"},
    {LayerKind::add, "add"},
};

/// Resolves one layer and collects what is wrong with it.
class LayerResolver {
 public:
  LayerResolver(int index, LayerNode& node, std::vector<NetworkIssue>& issues)
      : index_(index), node_(node), spec_(node.spec), issues_(issues) {}

  void resolve() {
    if (spec_.kind != LayerKind::add && node_.inputs.size() != 1) {
      issue("inputs", "has " + std::to_string(node_.inputs.size()) + " inputs; " +
                          to_word(spec_.kind) + " takes exactly one");
      return;
    }
    infer();
  }

 private:
  void issue(const std::string& field, const std::string& message) {
    issues_.push_back({index_, field, message});
  }

  const Shape& in() const { return node_.input_shapes.front(); }

  bool need_image() {
    if (in().rank == 3) return true;
    issue("", std::string(to_word(spec_.kind)) + " needs an image [C,H,W], its input is " +
                  to_string(in()));
    return false;
  }

  bool need_at_least(const char* field, int value, int minimum) {
    if (value >= minimum) return true;
    issue(field,
          "found " + std::to_string(value) + "; allowed: at least " + std::to_string(minimum));
    return false;
  }

  void parameter(const char* name, std::vector<int> shape, ParameterRole role, int fan_in = 1,
                 int fan_out = 1) {
    node_.parameters.push_back({name, std::move(shape), role, fan_in, fan_out});
  }

  /// Output extent of a window, or 0 with an issue.
  int window(int extent, int stride, const char* what) {
    const int span = extent + 2 * spec_.padding - spec_.kernel;
    if (span >= 0) return span / stride + 1;
    issue("kernel", "found " + std::to_string(spec_.kernel) + ", larger than the padded input's " +
                        what + " of " + std::to_string(extent + 2 * spec_.padding));
    return 0;
  }

  void infer() {
    switch (spec_.kind) {
      case LayerKind::conv2d:
        return conv();
      case LayerKind::linear:
        return linear();
      case LayerKind::max_pool2d:
      case LayerKind::avg_pool2d:
        return pool();
      case LayerKind::global_avg_pool2d:
        if (need_image()) node_.output = Shape::features(in().channels);
        return;
      case LayerKind::flatten:
        node_.output = Shape::features(static_cast<int>(in().elements()));
        return;
      case LayerKind::batch_norm2d:
      case LayerKind::group_norm:
      case LayerKind::layer_norm:
      case LayerKind::filter_response_norm:
      case LayerKind::online_norm:
        return norm();
      case LayerKind::local_response_norm:
        if (need_image() && need_at_least("size", spec_.size, 1)) node_.output = in();
        return;
      case LayerKind::dropout:
        if (spec_.probability < 0 || spec_.probability >= 1)
          issue("probability",
                "found " + std::to_string(spec_.probability) + "; allowed: 0 <= p < 1");
        node_.output = in();
        return;
      case LayerKind::relu:
      case LayerKind::tanh:
      case LayerKind::sigmoid:
      case LayerKind::identity:
        node_.output = in();
        return;
      case LayerKind::add:
        return add();
    }
  }

  void conv() {
    if (!need_image()) return;
    const bool ok =
        need_at_least("out_channels", spec_.out_channels, 1) &
        need_at_least("kernel", spec_.kernel, 1) & need_at_least("stride", spec_.stride, 1) &
        need_at_least("padding", spec_.padding, 0) & need_at_least("groups", spec_.groups, 1);
    if (!ok) return;
    if (in().channels % spec_.groups || spec_.out_channels % spec_.groups) {
      issue("groups", "found " + std::to_string(spec_.groups) + "; it must divide the input's " +
                          std::to_string(in().channels) + " channels and the " +
                          std::to_string(spec_.out_channels) + " output channels");
      return;
    }
    const int h = window(in().height, spec_.stride, "height");
    const int w = h ? window(in().width, spec_.stride, "width") : 0;
    if (!h || !w) return;
    node_.output = Shape::image(spec_.out_channels, h, w);
    const int group_in = in().channels / spec_.groups;
    const int taps = spec_.kernel * spec_.kernel;
    const int fan_in = group_in * taps;
    const int fan_out = spec_.out_channels / spec_.groups * taps;
    parameter("weight", {spec_.out_channels, group_in, spec_.kernel, spec_.kernel},
              ParameterRole::weight, fan_in, fan_out);
    if (spec_.bias) parameter("bias", {spec_.out_channels}, ParameterRole::bias, fan_in, fan_out);
  }

  void linear() {
    if (in().rank != 1) {
      issue("", "linear needs features [F], its input is " + to_string(in()) +
                    "; put a flatten layer before it");
      return;
    }
    if (!need_at_least("out_features", spec_.out_features, 1)) return;
    const int f = in().channels, o = spec_.out_features;
    node_.output = Shape::features(o);
    parameter("weight", {o, f}, ParameterRole::weight, f, o);
    if (spec_.bias) parameter("bias", {o}, ParameterRole::bias, f, o);
  }

  void pool() {
    if (!need_image()) return;
    if (!(need_at_least("kernel", spec_.kernel, 1) & need_at_least("padding", spec_.padding, 0)))
      return;
    if (spec_.stride == 0) spec_.stride = spec_.kernel;
    if (2 * spec_.padding > spec_.kernel) {
      issue("padding", "found " + std::to_string(spec_.padding) +
                           "; allowed: at most half the kernel of " + std::to_string(spec_.kernel));
      return;
    }
    const int h = window(in().height, spec_.stride, "height");
    const int w = h ? window(in().width, spec_.stride, "width") : 0;
    if (h && w) node_.output = Shape::image(in().channels, h, w);
  }

  void norm() {
    const bool any_rank =
        spec_.kind == LayerKind::layer_norm || spec_.kind == LayerKind::group_norm;
    if (!any_rank && !need_image()) return;
    const int c = in().channels;
    if (spec_.kind == LayerKind::group_norm && (spec_.groups < 1 || c % spec_.groups)) {
      issue("groups", "found " + std::to_string(spec_.groups) + "; it must divide the input's " +
                          std::to_string(c) + " channels");
      return;
    }
    node_.output = in();
    std::vector<int> shape{c};
    if (spec_.kind == LayerKind::layer_norm && in().rank == 3) shape = {c, in().height, in().width};
    parameter("weight", shape, ParameterRole::norm_scale);
    parameter("bias", shape, ParameterRole::norm_shift);
    if (spec_.kind == LayerKind::filter_response_norm)
      parameter("threshold", {c}, ParameterRole::norm_shift);
    if (spec_.kind == LayerKind::batch_norm2d || spec_.kind == LayerKind::online_norm) {
      parameter("running_mean", {c}, ParameterRole::running_statistic);
      parameter("running_var", {c}, ParameterRole::running_statistic);
    }
    if (spec_.kind == LayerKind::online_norm) {
      parameter("control_y", {c}, ParameterRole::running_statistic);
      parameter("control_1", {c}, ParameterRole::running_statistic);
    }
  }

  void add() {
    if (node_.inputs.size() < 2) {
      issue("inputs",
            "has " + std::to_string(node_.inputs.size()) + " input; add takes two or more");
      return;
    }
    if (node_.inputs.size() > kMaxInputs) {
      issue("inputs", "has " + std::to_string(node_.inputs.size()) + " inputs; add takes at most " +
                          std::to_string(kMaxInputs));
      return;
    }
    for (const Shape& s : node_.input_shapes)
      if (s != in()) {
        issue("inputs",
              "adds " + to_string(in()) + " and " + to_string(s) + "; shapes must be equal");
        return;
      }
    node_.output = in();
  }

  int index_;
  LayerNode& node_;
  LayerSpec& spec_;
  std::vector<NetworkIssue>& issues_;
};

/// Names every layer and finds every input; false if later steps would make no sense.
bool resolve_names(Network& network, std::vector<NetworkIssue>& issues) {
  std::unordered_map<std::string, ValueId> values{{"input", kInputValue}};
  const std::size_t before = issues.size();
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    LayerNode& node = network.layers[i];
    if (node.spec.name.empty()) node.spec.name = to_word(node.spec.kind) + std::to_string(i);
    if (node.spec.inputs.empty()) {
      node.inputs = {i};
    } else {
      for (const std::string& name : node.spec.inputs) {
        const auto found = values.find(name);
        if (found == values.end())
          issues.push_back(
              {i, "inputs", "found \"" + name + "\"; no layer before this one has that name"});
        else
          node.inputs.push_back(found->second);
      }
    }
    if (!values.emplace(node.spec.name, i + 1).second)
      issues.push_back(
          {i, "name", "found \"" + node.spec.name + "\" a second time; names must differ"});
  }
  return issues.size() == before;
}

}  // namespace

std::int64_t Network::trainable_parameters() const {
  std::int64_t n = 0;
  for (const auto& layer : layers) n += layer.trainable_parameters();
  return n;
}

std::vector<int> Network::consumers(ValueId v) const {
  std::vector<int> found;
  for (int i = 0; i < static_cast<int>(layers.size()); ++i)
    if (std::count(layers[i].inputs.begin(), layers[i].inputs.end(), v)) found.push_back(i);
  return found;
}

Network build_network(const NetworkSpec& spec, std::vector<NetworkIssue>& issues) {
  Network network;
  network.input = spec.input;
  if (spec.input.channels < 1 || spec.input.height < 1 || spec.input.width < 1)
    issues.push_back(
        {-1, "input", "found " + to_string(spec.input) + "; extents must be at least 1"});
  if (spec.layers.empty()) issues.push_back({-1, "layers", "found none; at least one is needed"});
  for (const LayerSpec& layer : spec.layers) {
    network.layers.emplace_back();
    network.layers.back().spec = layer;
    if (layer.kind == LayerKind::conv2d && layer.stride == 0) network.layers.back().spec.stride = 1;
  }
  if (!resolve_names(network, issues) || !issues.empty()) return network;
  std::vector<bool> used(network.layers.size() + 1, false);
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    LayerNode& node = network.layers[i];
    for (ValueId v : node.inputs) {
      node.input_shapes.push_back(network.shape_of(v));
      used[v] = true;
      if (node.input_shapes.back().channels == 0) return network;  // its producer is already blamed
    }
    LayerResolver(i, node, issues).resolve();
  }
  for (int i = 0; i + 1 < static_cast<int>(network.layers.size()); ++i)
    if (!used[i + 1])
      issues.push_back({i, "name",
                        "the output of \"" + network.layers[i].spec.name +
                            "\" is read by no layer; only the last layer's may be"});
  return network;
}

Network build_network(const NetworkSpec& spec) {
  std::vector<NetworkIssue> issues;
  Network network = build_network(spec, issues);
  if (issues.empty()) return network;
  std::string text;
  for (const NetworkIssue& i : issues) {
    if (!text.empty()) text += "\n";
    text += "network";
    if (i.layer >= 0) text += " layer " + std::to_string(i.layer);
    if (!i.field.empty()) text += " " + i.field;
    text += ": " + i.message;
  }
  throw UserError(text);
}

const char* to_word(LayerKind kind) {
  for (const KindWord& w : kWords)
    if (w.kind == kind) return w.word;
  throw ModelBug("layer kind without a word");
}

bool parse_layer_kind(const std::string& word, LayerKind& kind) {
  for (const KindWord& w : kWords)
    if (word == w.word) {
      kind = w.kind;
      return true;
    }
  return false;
}

const std::vector<LayerKind>& all_layer_kinds() {
  static const std::vector<LayerKind> kinds = [] {
    std::vector<LayerKind> all;
    for (const KindWord& w : kWords) all.push_back(w.kind);
    return all;
  }();
  return kinds;
}

bool has_weight_matrix(LayerKind kind) {
  return kind == LayerKind::conv2d || kind == LayerKind::linear;
}

}  // namespace stagecoach
