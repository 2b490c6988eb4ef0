// SPDX-License-Identifier: Apache-2.0
// The tables of layers and networks.
#include <limits>
#include <map>

#include "models/layers/definition.h"
#include "sim/config/workload_file.h"

namespace stagecoach {
namespace {

// Bounds that keep every product of sizes within its type; far above any real network.
constexpr int kMaxChannels = 65536;
constexpr int kMaxExtent = 16384;
constexpr int kMaxKernel = 128;
constexpr int kMaxFeatures = 1 << 24;

using Fields = Table<LayerSpec>;

void window_fields(Fields& t, const char* default_stride) {
  t.required("kernel", &LayerSpec::kernel, integer(1, kMaxKernel),
             "Rows and columns of the window.");
  t.optional("stride", &LayerSpec::stride, integer(1, kMaxKernel), "Step of the window.",
             default_stride);
  t.optional("padding", &LayerSpec::padding, integer(0, kMaxKernel),
             "Rows and columns added on each side (they count as zero, in a maximum not at all).");
}

Fields conv2d_fields() {
  Fields t;
  t.required("out_channels", &LayerSpec::out_channels, integer(1, kMaxChannels),
             "Channels of the output.");
  window_fields(t, "1");
  t.optional("groups", &LayerSpec::groups, integer(1, kMaxChannels),
             "Groups of channels that are convolved apart; divides the channels of both sides.");
  t.optional("bias", &LayerSpec::bias, boolean(), "Adds a trainable bias per output channel.");
  return t;
}

Fields linear_fields() {
  Fields t;
  t.required("out_features", &LayerSpec::out_features, integer(1, kMaxFeatures),
             "Features of the output.");
  t.optional("bias", &LayerSpec::bias, boolean(), "Adds a trainable bias per output feature.");
  return t;
}

Fields sparse_linear_fields() {
  using Rows = std::vector<std::vector<int>>;
  Fields t = linear_fields();
  t.optional("fan_out", &LayerSpec::fan_out, integer(0, kMaxFeatures),
             "Of random connections: for each input; the outputs' numbers differ by one at most. "
             "0: see fan_in.");
  t.optional("fan_in", &LayerSpec::fan_in, integer(0, kMaxFeatures),
             "Of random connections: for each output; the inputs' numbers differ by one at most. "
             "0: see fan_out.");
  t.optional("seed", &LayerSpec::seed, integer(0, std::numeric_limits<int>::max()),
             "Of random connections; the run's seed does not change them.");
  t.optional("connections", &LayerSpec::connections,
             word_or<Rows>(words<Rows>({{"random", Rows{}, "drawn from the seed"}}),
                           list_of<std::vector<int>>(list_of<int>(integer(0, kMaxFeatures)), 1)),
             "A list for each output: the inputs that it reads, from 0.");
  return t;
}

Fields pool_fields() {
  Fields t;
  window_fields(t, "the kernel");
  return t;
}

Fields norm_fields() {
  Fields t;
  t.optional("epsilon", &LayerSpec::epsilon, number(above(0)), "Added to the variance.");
  return t;
}

Fields batch_norm_fields() {
  Fields t = norm_fields();
  t.optional("momentum", &LayerSpec::momentum, number(between(0, 1)),
             "Weight of the new sample in the running statistics.");
  return t;
}

Fields group_norm_fields() {
  Fields t;
  t.optional("groups", &LayerSpec::groups, integer(1, kMaxChannels),
             "Groups of channels that share a mean and a variance; divides the channels.");
  t.optional("epsilon", &LayerSpec::epsilon, number(above(0)), "Added to the variance.");
  return t;
}

Fields online_norm_fields() {
  Fields t = norm_fields();
  t.optional("forward_decay", &LayerSpec::forward_decay, number(from_below(0, 1)),
             "Decay of the running mean and variance.");
  t.optional("backward_decay", &LayerSpec::backward_decay, number(from_below(0, 1)),
             "Decay of the control variables of the backward pass.");
  return t;
}

Fields local_response_norm_fields() {
  Fields t;
  t.optional("size", &LayerSpec::size, integer(1, kMaxChannels), "Channels in the window.");
  t.optional("alpha", &LayerSpec::alpha, number(at_least(0)), "Factor on the mean of squares.");
  t.optional("beta", &LayerSpec::beta, number(at_least(0)), "Exponent.");
  t.optional("k", &LayerSpec::k, number(above(0)), "Added to the scaled mean of squares.");
  return t;
}

Fields dropout_fields() {
  Fields t;
  t.optional("probability", &LayerSpec::probability, number(from_below(0, 1)),
             "Share of elements set to zero while training.");
  return t;
}

/// The fields of a kind; kinds that are not named here have none of their own.
Fields fields_of(LayerKind kind) {
  static const std::map<LayerKind, Fields (*)()> rows = {
      {LayerKind::conv2d, conv2d_fields},
      {LayerKind::linear, linear_fields},
      {LayerKind::sparse_linear, sparse_linear_fields},
      {LayerKind::max_pool2d, pool_fields},
      {LayerKind::avg_pool2d, pool_fields},
      {LayerKind::batch_norm2d, batch_norm_fields},
      {LayerKind::group_norm, group_norm_fields},
      {LayerKind::layer_norm, norm_fields},
      {LayerKind::filter_response_norm, norm_fields},
      {LayerKind::online_norm, online_norm_fields},
      {LayerKind::local_response_norm, local_response_norm_fields},
      {LayerKind::dropout, dropout_fields},
  };
  const auto found = rows.find(kind);
  return found == rows.end() ? Fields() : found->second();
}

}  // namespace

Table<LayerSpec> layer_table() {
  Table<LayerSpec> t("layer", "One layer. `type` selects which further fields it has.");
  t.optional("name", &LayerSpec::name, text(),
             "Unique; names tensors in weight files, stages and places of cuts.",
             "type and position, e.g. `relu3`");
  std::vector<Variant<LayerSpec, LayerKind>> variants;
  for (const LayerKind kind : all_layer_kinds()) {
    variants.push_back({to_word(kind), kind, definition_of(kind).sentence, fields_of(kind)});
  }
  t.tagged<LayerKind>("type", &LayerSpec::kind, "What the layer computes.", std::move(variants));
  t.optional("inputs", &LayerSpec::inputs, list_of<std::string>(text(), 1),
             "Names of the layers it reads; `input` is the network's input.", "the layer before");
  return t;
}

Codec<Shape> shape_codec() {
  Codec<Shape> codec = converted<Shape, std::vector<int>>(
      list_of<int>(integer(1, kMaxFeatures), 1, 3),
      [](const std::vector<int>& d) {
        return d.size() == 3 ? Shape::image(d[0], d[1], d[2]) : Shape::features(d[0]);
      },
      [](const Shape& s) {
        return s.rank == 1 ? std::vector<int>{s.channels}
                           : std::vector<int>{s.channels, s.height, s.width};
      });
  const auto read = codec.read;
  codec.read = [read](const Json& value, const Place& at, Shape& out) {
    Shape shape;
    if (!read(value, at, shape)) return false;
    const bool good =
        value.size() == 1 || (value.size() == 3 && shape.channels <= kMaxChannels &&
                              shape.height <= kMaxExtent && shape.width <= kMaxExtent);
    if (!good) {
      at.report("found " + printable(value.dump(), 60) +
                "; allowed: [channels, rows, columns], at most [" + std::to_string(kMaxChannels) +
                ", " + std::to_string(kMaxExtent) + ", " + std::to_string(kMaxExtent) +
                "], or [features]");
      return false;
    }
    out = shape;
    return true;
  };
  return codec;
}

Table<NetworkSpec> network_table() {
  Table<NetworkSpec> t("network", "A graph of layers, in an order in which inputs come first.");
  t.required("input", &NetworkSpec::input, shape_codec(),
             "Shape of one sample: [channels, rows, columns] or [features].");
  t.required("layers", &NetworkSpec::layers, list_of<LayerSpec>(layer_table().codec(), 1, 100000),
             "The layers; sizes of their input side are inferred.");
  return t;
}

Codec<NetworkFile> network_codec() {
  using Form = NetworkFile::Form;
  const Codec<std::string> path = text();
  const Codec<NetworkSpec> layers = network_table().codec();
  const Codec<FamilySpec> family = family_codec();
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::one_of;
  info->choices = {layers.info, path.info, family.info};
  Codec<NetworkFile> codec;
  codec.info = info;
  codec.read = [=](const Json& value, const Place& at, NetworkFile& out) {
    bool good = false;
    NetworkFile read;
    if (value.is_string()) {
      read.form = Form::file;
      good = path.read(value, at, read.path);
    } else if (value.is_object() && value.contains("family")) {
      read.form = Form::family;
      good = family.read(value, at, read.family);
    } else if (value.is_object()) {
      read.form = Form::layers;
      good = layers.read(value, at, read.spec);
    } else {
      at.report_value(value, *info);
    }
    if (good) out = std::move(read);
    return good;
  };
  codec.write = [=](const NetworkFile& network) {
    switch (network.form) {
      case Form::file:
        return path.write(network.path);
      case Form::family:
        return family.write(network.family);
      case Form::layers:
        return layers.write(network.spec);
      case Form::none:
        break;
    }
    return OrderedJson();
  };
  return codec;
}

}  // namespace stagecoach
