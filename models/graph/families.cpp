// SPDX-License-Identifier: Apache-2.0
// Expanding families into layers.
#include "models/graph/families.h"

#include <algorithm>
#include <array>
#include <utility>

#include "models/base/error.h"
#include "models/graph/family_builder.h"

namespace stagecoach {
namespace {

NetworkSpec lenet5(const FamilySpec& spec) {
  FamilyBuilder b(spec);
  std::string x = b.conv("conv1", {b.channels(6), 5, 1, 2}, "input");
  x = b.activation("act1", x);
  x = b.pool("pool1", spec.pooling, 2, 2, 0, x);
  x = b.conv("conv2", {b.channels(16), 5}, x);
  x = b.activation("act2", x);
  x = b.pool("pool2", spec.pooling, 2, 2, 0, x);
  x = b.simple(LayerKind::flatten, "flatten", x);
  x = b.activation("act3", b.linear("fc1", b.channels(120), x));
  x = b.activation("act4", b.linear("fc2", b.channels(84), x));
  b.linear("fc3", spec.classes, x);
  return b.take();
}

NetworkSpec alexnet(const FamilySpec& spec) {
  struct Row {
    int channels, kernel, stride, padding;
    bool pool;
  };
  constexpr Row kRows[] = {{64, 11, 4, 5, true},
                           {192, 5, 1, 2, true},
                           {384, 3, 1, 1, false},
                           {256, 3, 1, 1, false},
                           {256, 3, 1, 1, true}};
  FamilyBuilder b(spec);
  std::string x = "input";
  int i = 0;
  for (const Row& row : kRows) {
    const std::string n = std::to_string(++i);
    const int channels = b.channels(row.channels);
    x = b.conv("conv" + n, {channels, row.kernel, row.stride, row.padding}, x);
    x = b.norm_relu("norm" + n, "relu" + n, channels, x);
    if (spec.norm == FamilyNorm::local_response_norm && i <= 2) {
      x = b.simple(LayerKind::local_response_norm, "norm" + n, x);
    }
    if (row.pool) x = b.pool("pool" + n, FamilyPooling::max, 2, 2, 0, x);
  }
  x = b.simple(LayerKind::flatten, "flatten", x);
  b.linear("fc", spec.classes, x);
  return b.take();
}

/// Convolutions in each of the five groups.
std::array<int, 5> vgg_groups(int depth) {
  if (depth == 11) return {1, 1, 2, 2, 2};
  if (depth == 13) return {2, 2, 2, 2, 2};
  if (depth == 16) return {2, 2, 3, 3, 3};
  return {2, 2, 4, 4, 4};
}

NetworkSpec vgg(const FamilySpec& spec) {
  FamilyBuilder b(spec);
  std::string x = "input";
  constexpr int kChannels[] = {64, 128, 256, 512, 512};
  const std::array<int, 5> groups = vgg_groups(spec.depth);
  for (int group = 0; group < 5; ++group) {
    const int channels = b.channels(kChannels[group]);
    for (int i = 0; i < groups[static_cast<std::size_t>(group)]; ++i) {
      const std::string n = std::to_string(group + 1) + "_" + std::to_string(i + 1);
      x = b.conv("conv" + n, {channels, 3, 1, 1}, x);
      x = b.norm_relu("norm" + n, "relu" + n, channels, x);
    }
    x = b.pool("pool" + std::to_string(group + 1), FamilyPooling::max, 2, 2, 0, x);
  }
  x = b.simple(LayerKind::flatten, "flatten", x);
  const bool cifar = spec.form == FamilyForm::cifar;
  const int hidden = b.channels(cifar ? 512 : 4096);
  for (const std::string n : {"1", "2"}) {
    if (cifar) x = b.dropout("dropout" + n, x);
    x = b.linear("fc" + n, hidden, x);
    x = b.simple(LayerKind::relu, "relu_fc" + n, x);
    if (!cifar) x = b.dropout("dropout" + n, x);
  }
  b.linear("fc3", spec.classes, x);
  return b.take();
}

/// One residual block: two 3x3 convolutions, or 1x1, 3x3, 1x1 as a bottleneck.
struct Block {
  std::string name;
  int in_channels;
  int mid_channels;
  int out_channels;
  int stride;
  bool bottleneck;
  bool projects() const { return stride != 1 || in_channels != out_channels; }
};

/// The block's convolutions in order; the stride sits on the first 3x3.
std::vector<FamilyBuilder::Conv> block_convs(const Block& block, bool bias) {
  if (!block.bottleneck) {
    return {{block.mid_channels, 3, block.stride, 1, bias}, {block.out_channels, 3, 1, 1, bias}};
  }
  return {{block.mid_channels, 1, 1, 0, bias},
          {block.mid_channels, 3, block.stride, 1, bias},
          {block.out_channels, 1, 1, 0, bias}};
}

/// relu(norm(conv(... relu(norm(conv(x))))) + shortcut(x)): He et al. 2015.
std::string post_activation_block(FamilyBuilder& b, const Block& block, const std::string& input) {
  const std::string prefix = block.name + "_";
  const auto convs = block_convs(block, b.conv_bias());
  std::string x = input;
  for (std::size_t i = 0; i < convs.size(); ++i) {
    const std::string n = std::to_string(i + 1);
    x = b.conv(prefix + "conv" + n, convs[i], x);
    if (i + 1 < convs.size()) {
      x = b.norm_relu(prefix + "norm" + n, prefix + "relu" + n, convs[i].channels, x);
    } else {
      x = b.norm(prefix + "norm" + n, convs[i].channels, x);
    }
  }
  std::string shortcut = input;
  if (block.projects()) {
    shortcut =
        b.conv(prefix + "shortcut", {block.out_channels, 1, block.stride, 0, b.conv_bias()}, input);
    shortcut = b.norm(prefix + "shortcut_norm", block.out_channels, shortcut);
  }
  LayerSpec sum;
  sum.kind = LayerKind::add;
  sum.name = prefix + "add";
  x = b.add(sum, {x, shortcut});
  return b.simple(LayerKind::relu, prefix + "relu" + std::to_string(convs.size()), x);
}

/// conv(relu(norm(... conv(relu(norm(x)))))) + x, a projecting shortcut reading the first relu: He
/// et al. 2016.
std::string pre_activation_block(FamilyBuilder& b, const Block& block, const std::string& input) {
  const std::string prefix = block.name + "_";
  const auto convs = block_convs(block, b.conv_bias());
  std::string x = input;
  std::string shortcut = input;
  int channels = block.in_channels;
  for (std::size_t i = 0; i < convs.size(); ++i) {
    const std::string n = std::to_string(i + 1);
    x = b.norm_relu(prefix + "norm" + n, prefix + "relu" + n, channels, x);
    if (i == 0 && block.projects()) shortcut = x;
    x = b.conv(prefix + "conv" + n, convs[i], x);
    channels = convs[i].channels;
  }
  if (block.projects()) {
    shortcut = b.conv(prefix + "shortcut", {block.out_channels, 1, block.stride, 0, b.conv_bias()},
                      shortcut);
  }
  LayerSpec sum;
  sum.kind = LayerKind::add;
  sum.name = prefix + "add";
  return b.add(sum, {x, shortcut});
}

/// Groups of blocks, the first block of each group but the first with stride 2, then pooling and
/// the classifier. `input` has the stem's channels.
void residual_groups(FamilyBuilder& b, const FamilySpec& spec, std::string x, int stem_channels,
                     const std::vector<int>& blocks, bool bottleneck) {
  int in_channels = stem_channels;
  for (std::size_t group = 0; group < blocks.size(); ++group) {
    const int base = (bottleneck ? 64 : 16) << group;
    const int mid = b.channels(base);
    const int out = b.channels(bottleneck ? 4 * base : base);
    for (int i = 0; i < blocks[group]; ++i) {
      const int stride = i == 0 && group > 0 ? 2 : 1;
      const Block block = {"block" + std::to_string(group + 1) + "_" + std::to_string(i + 1),
                           in_channels,
                           mid,
                           out,
                           stride,
                           bottleneck};
      x = spec.preactivation ? pre_activation_block(b, block, x)
                             : post_activation_block(b, block, x);
      in_channels = out;
    }
  }
  if (spec.preactivation) x = b.norm_relu("norm_last", "relu_last", in_channels, x);
  x = b.simple(LayerKind::global_avg_pool2d, "pool", x);
  b.linear("fc", spec.classes, x);
}

NetworkSpec resnet_cifar(const FamilySpec& spec) {
  FamilyBuilder b(spec);
  const int stem = b.channels(16);
  std::string x = b.conv("conv1", {stem, 3, 1, 1, b.conv_bias()}, "input");
  if (!spec.preactivation) x = b.norm_relu("norm1", "relu1", stem, x);
  const int n = (spec.depth - 2) / 6;
  residual_groups(b, spec, x, stem, {n, n, n}, false);
  return b.take();
}

NetworkSpec resnet50(const FamilySpec& spec) {
  FamilyBuilder b(spec);
  const int stem = b.channels(64);
  std::string x = b.conv("conv1", {stem, 7, 2, 3, b.conv_bias()}, "input");
  if (!spec.preactivation) x = b.norm_relu("norm1", "relu1", stem, x);
  x = b.pool("pool1", FamilyPooling::max, 3, 2, 1, x);
  residual_groups(b, spec, x, stem, {3, 4, 6, 3}, true);
  return b.take();
}

NetworkSpec expand(const FamilySpec& spec) {
  switch (spec.family) {
    case Family::lenet5:
      return lenet5(spec);
    case Family::alexnet:
      return alexnet(spec);
    case Family::vgg:
      return vgg(spec);
    case Family::resnet_cifar:
      return resnet_cifar(spec);
    case Family::resnet50:
      return resnet50(spec);
  }
  throw ModelBug("unknown Family");
}

void check_depth(const FamilySpec& spec, std::vector<NetworkIssue>& issues) {
  const std::string found = "found " + std::to_string(spec.depth) + "; allowed: ";
  if (spec.family == Family::vgg && spec.depth != 11 && spec.depth != 13 && spec.depth != 16 &&
      spec.depth != 19) {
    issues.push_back({-1, "depth", found + "11, 13, 16, 19"});
  }
  if (spec.family == Family::resnet_cifar && (spec.depth < 8 || spec.depth % 6 != 2)) {
    issues.push_back({-1, "depth", found + "6n+2, that is 8, 14, 20, 26, 32, 44, 56, 110, ..."});
  }
}

void check_norm(const FamilySpec& spec, std::vector<NetworkIssue>& issues) {
  if (spec.norm == FamilyNorm::local_response_norm && spec.family != Family::alexnet) {
    issues.push_back({-1, "norm", "found local_response_norm; only alexnet has it"});
  }
  if (spec.norm != FamilyNorm::group_norm) return;
  if (spec.norm_groups < 0 || spec.norm_group_size < 0 ||
      (spec.norm_groups == 0) == (spec.norm_group_size == 0)) {
    issues.push_back({-1, "norm_groups",
                      "found " + std::to_string(spec.norm_groups) + " with norm_group_size " +
                          std::to_string(spec.norm_group_size) +
                          "; group_norm needs exactly one of the two, at least 1"});
  }
}

}  // namespace

FamilySpec default_family_spec(Family family, FamilyForm form) {
  FamilySpec spec;
  spec.family = family;
  const bool imagenet =
      family == Family::resnet50 || (family == Family::vgg && form == FamilyForm::imagenet);
  if (family != Family::lenet5) spec.input = Shape::image(3, 32, 32);
  if (imagenet) {
    spec.form = FamilyForm::imagenet;
    spec.input = Shape::image(3, 224, 224);
    spec.classes = 1000;
  }
  if (family == Family::vgg) spec.depth = 16;
  if (family == Family::resnet_cifar) spec.depth = 20;
  if (family == Family::resnet_cifar || family == Family::resnet50) {
    spec.norm = FamilyNorm::group_norm;
  }
  spec.preactivation = family == Family::resnet50;
  spec.norm_groups = imagenet ? 32 : 8;
  return spec;
}

std::vector<std::string> family_fields(Family family) {
  std::vector<std::string> fields = {"input", "classes", "width"};
  const auto also = [&](std::initializer_list<const char*> names) {
    fields.insert(fields.end(), names.begin(), names.end());
  };
  switch (family) {
    case Family::lenet5:
      also({"activation", "pooling"});
      return fields;
    case Family::alexnet:
      also({"norm", "norm_groups", "norm_group_size"});
      return fields;
    case Family::vgg:
      also({"form", "depth", "norm", "norm_groups", "norm_group_size", "dropout"});
      return fields;
    case Family::resnet_cifar:
      also({"depth", "norm", "norm_groups", "norm_group_size", "preactivation"});
      return fields;
    case Family::resnet50:
      also({"norm", "norm_groups", "norm_group_size", "preactivation"});
      return fields;
  }
  throw ModelBug("unknown Family");
}

NetworkSpec build_family(const FamilySpec& spec, std::vector<NetworkIssue>& issues) {
  const std::size_t before = issues.size();
  check_depth(spec, issues);
  check_norm(spec, issues);
  if (spec.classes < 1) {
    issues.push_back(
        {-1, "classes", "found " + std::to_string(spec.classes) + "; allowed: at least 1"});
  }
  if (!(spec.width > 0) || spec.width > 64) {
    issues.push_back(
        {-1, "width", "found " + std::to_string(spec.width) + "; allowed: above 0, at most 64"});
  }
  if (!(spec.dropout >= 0) || spec.dropout >= 1) {
    issues.push_back(
        {-1, "dropout", "found " + std::to_string(spec.dropout) + "; allowed: 0 <= p < 1"});
  }
  return issues.size() == before ? expand(spec) : NetworkSpec{};
}

NetworkSpec build_family(const FamilySpec& spec) {
  std::vector<NetworkIssue> issues;
  NetworkSpec network = build_family(spec, issues);
  if (issues.empty()) return network;
  std::string text;
  for (const NetworkIssue& issue : issues) {
    text += (text.empty() ? "" : "\n") + ("network." + issue.field) + ": " + issue.message;
  }
  throw UserError(text);
}

}  // namespace stagecoach
