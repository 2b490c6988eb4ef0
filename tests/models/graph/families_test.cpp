// SPDX-License-Identifier: Apache-2.0
// Do the families build what the papers describe? Parameter counts are the sharpest check.
#include "models/graph/families.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "models/graph/network.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

using Catch::Contains;

namespace {

Network network_of(const FamilySpec& spec) { return build_network(build_family(spec)); }

std::int64_t parameters(const FamilySpec& spec) { return network_of(spec).trainable_parameters(); }

const LayerNode& layer_named(const Network& network, const std::string& name) {
  const auto found = std::find_if(network.layers.begin(), network.layers.end(),
                                  [&](const LayerNode& node) { return node.spec.name == name; });
  REQUIRE(found != network.layers.end());
  return *found;
}

FamilySpec vgg(int depth, FamilyForm form) {
  FamilySpec spec = default_family_spec(Family::vgg, form);
  spec.depth = depth;
  return spec;
}

FamilySpec resnet(int depth, FamilyNorm norm) {
  FamilySpec spec = default_family_spec(Family::resnet_cifar);
  spec.depth = depth;
  spec.norm = norm;
  return spec;
}

/// What "option B" has more than the paper's "option A": two 1x1 kernels and their norms.
constexpr std::int64_t kProjections = 16 * 32 + 32 * 64 + 2 * (32 + 64);

std::string failure(const FamilySpec& spec) {
  return message_of<UserError>([&] { build_family(spec); });
}

}  // namespace

TEST_CASE("LeNet-5 has its 61,706 parameters and shapes") {
  const Network network = network_of(default_family_spec(Family::lenet5));
  CHECK(network.trainable_parameters() == 61706);
  CHECK(layer_named(network, "conv1").output == Shape::image(6, 28, 28));
  CHECK(layer_named(network, "pool2").output == Shape::image(16, 5, 5));
  CHECK(layer_named(network, "pool2").spec.kind == LayerKind::max_pool2d);
  CHECK(layer_named(network, "act1").spec.kind == LayerKind::relu);
  CHECK(network.output() == Shape::features(10));
  FamilySpec classic = default_family_spec(Family::lenet5);
  classic.activation = FamilyActivation::tanh;
  classic.pooling = FamilyPooling::average;
  const Network old = network_of(classic);
  CHECK(old.trainable_parameters() == 61706);
  CHECK(layer_named(old, "act4").spec.kind == LayerKind::tanh);
  CHECK(layer_named(old, "pool1").spec.kind == LayerKind::avg_pool2d);
}

TEST_CASE("AlexNet in CIFAR form has 2,472,266 parameters (published: 2.47 million)") {
  FamilySpec spec = default_family_spec(Family::alexnet);
  CHECK(parameters(spec) == 2472266);
  CHECK(layer_named(network_of(spec), "pool5").output == Shape::image(256, 1, 1));
  spec.norm = FamilyNorm::local_response_norm;
  const Network network = network_of(spec);
  CHECK(std::count_if(network.layers.begin(), network.layers.end(), [](const LayerNode& node) {
          return node.spec.kind == LayerKind::local_response_norm;
        }) == 2);
  CHECK(layer_named(network, "norm2").inputs[0] == 6);  // the value of relu2, the sixth layer
}

TEST_CASE("VGG in ImageNet form has the published parameter counts") {
  CHECK(parameters(vgg(11, FamilyForm::imagenet)) == 132863336);
  CHECK(parameters(vgg(13, FamilyForm::imagenet)) == 133047848);
  CHECK(parameters(vgg(16, FamilyForm::imagenet)) == 138357544);
  CHECK(parameters(vgg(19, FamilyForm::imagenet)) == 143667240);
  FamilySpec with_norm = vgg(16, FamilyForm::imagenet);
  with_norm.norm = FamilyNorm::batch_norm2d;
  CHECK(parameters(with_norm) == 138365992);
}

TEST_CASE("VGG in CIFAR form is the same convolutions with a small classifier") {
  // 3x3 kernels and biases of the published network, then 512-512, 512-512, 512-10.
  const std::int64_t classifier = 2 * (512 * 512 + 512) + 512 * 10 + 10;
  const std::int64_t big_classifier = (25088LL + 1) * 4096 + 4097LL * 4096 + 4097LL * 1000;
  CHECK(parameters(vgg(11, FamilyForm::cifar)) == 132863336 - big_classifier + classifier);
  CHECK(parameters(vgg(13, FamilyForm::cifar)) == 133047848 - big_classifier + classifier);
  CHECK(parameters(vgg(16, FamilyForm::cifar)) == 138357544 - big_classifier + classifier);
  CHECK(parameters(vgg(16, FamilyForm::cifar)) == 15245130);
  const Network network = network_of(vgg(11, FamilyForm::cifar));
  CHECK(layer_named(network, "pool5").output == Shape::image(512, 1, 1));
  std::vector<LayerKind> end;
  for (std::size_t i = network.layers.size() - 8; i < network.layers.size(); ++i) {
    end.push_back(network.layers[i].spec.kind);
  }
  CHECK(end == std::vector<LayerKind>{LayerKind::flatten, LayerKind::dropout, LayerKind::linear,
                                      LayerKind::relu, LayerKind::dropout, LayerKind::linear,
                                      LayerKind::relu, LayerKind::linear});
  FamilySpec plain = vgg(11, FamilyForm::cifar);
  plain.dropout = 0;
  CHECK(network_of(plain).layers.size() + 2 == network.layers.size());
}

TEST_CASE("CIFAR ResNets have the counts published with option A plus the projections") {
  // He et al. 2015, table 6, in millions: 0.27, 0.46, 0.66, 0.85, 1.7; exact values by formula.
  for (const auto& [depth, option_a] : std::vector<std::pair<int, std::int64_t>>{
           {20, 269722}, {32, 464154}, {44, 658586}, {56, 853018}, {110, 1727962}}) {
    const FamilySpec spec = resnet(depth, FamilyNorm::batch_norm2d);
    CHECK(parameters(spec) == option_a + kProjections);
  }
  CHECK(parameters(resnet(20, FamilyNorm::batch_norm2d)) == 272474);
}

TEST_CASE("CIFAR ResNets of depth 6n+2 grow by six convolutions with n up to 362") {
  for (int depth : {20, 32, 44, 56, 110, 224, 362}) {
    const Network network = network_of(resnet(depth, FamilyNorm::group_norm));
    const std::int64_t n = (depth - 2) / 6;
    const std::int64_t per_n = 9 * 2 * (16 * 16 + 32 * 32 + 64 * 64) + 4 * (16 + 32 + 64);
    const std::int64_t narrower = 9 * (32 * 16 + 64 * 32);  // the first of a group reads half
    const std::int64_t stem_and_end = 9 * 3 * 16 + 2 * 16 + 64 * 10 + 10;
    CHECK(network.trainable_parameters() == n * per_n - narrower + stem_and_end + kProjections);
    CHECK(std::count_if(network.layers.begin(), network.layers.end(), [](const LayerNode& node) {
            return node.has_weight_matrix();
          }) == depth + 2);
    CHECK(layer_named(network, "pool").input_shapes[0] == Shape::image(64, 8, 8));
  }
}

TEST_CASE("every norm of a CIFAR ResNet stands where it should") {
  for (bool preactivation : {false, true}) {
    for (FamilyNorm norm :
         {FamilyNorm::none, FamilyNorm::batch_norm2d, FamilyNorm::group_norm,
          FamilyNorm::layer_norm, FamilyNorm::filter_response_norm, FamilyNorm::online_norm}) {
      FamilySpec spec = resnet(20, norm);
      spec.preactivation = preactivation;
      const Network network = network_of(spec);
      int norms = 0, relus = 0, biased = 0;
      for (const LayerNode& node : network.layers) {
        norms += node.spec.name.find("norm") != std::string::npos;
        relus += node.spec.kind == LayerKind::relu;
        biased += node.spec.kind == LayerKind::conv2d && node.spec.bias;
      }
      const int places = preactivation ? 19 : 21;  // one per convolution, 2 of them shortcuts
      CHECK(norms == (norm == FamilyNorm::none ? 0 : places));
      CHECK(biased == (norm == FamilyNorm::none ? 21 : 0));
      const bool has_threshold = norm == FamilyNorm::filter_response_norm;
      CHECK(relus == (has_threshold ? (preactivation ? 0 : 9) : 19));
    }
  }
}

TEST_CASE("a residual block adds its input, or a projection when the shape changes") {
  const Network post = network_of(resnet(20, FamilyNorm::group_norm));
  const LayerNode& plain = layer_named(post, "block1_1_add");
  CHECK(post.layers[static_cast<std::size_t>(plain.inputs[1] - 1)].spec.name == "relu1");
  const LayerNode& projected = layer_named(post, "block2_1_add");
  CHECK(post.layers[static_cast<std::size_t>(projected.inputs[1] - 1)].spec.name ==
        "block2_1_shortcut_norm");
  CHECK(layer_named(post, "block2_1_shortcut").spec.kernel == 1);
  CHECK(layer_named(post, "block2_1_shortcut").spec.stride == 2);
  FamilySpec spec = resnet(20, FamilyNorm::group_norm);
  spec.preactivation = true;
  const Network pre = network_of(spec);
  const LayerNode& shortcut = layer_named(pre, "block2_1_shortcut");
  CHECK(pre.layers[static_cast<std::size_t>(shortcut.inputs[0] - 1)].spec.name == "block2_1_relu1");
  const LayerNode& identity = layer_named(pre, "block1_2_add");
  CHECK(pre.layers[static_cast<std::size_t>(identity.inputs[1] - 1)].spec.name == "block1_1_add");
}

TEST_CASE("ResNet-50 has the published 25,557,032 parameters after the original order") {
  FamilySpec spec = default_family_spec(Family::resnet50);
  spec.preactivation = false;
  spec.norm = FamilyNorm::batch_norm2d;
  CHECK(parameters(spec) == 25557032);
  CHECK(layer_named(network_of(spec), "pool").input_shapes[0] == Shape::image(2048, 7, 7));
  // Pre-activated: the same kernels; a norm before each of a block's convolutions, and a last one.
  const std::int64_t post_norms =
      64 + 3 * 2 * 64 + 4 * 2 * 128 + 6 * 2 * 256 + 3 * 2 * 512 +         // 1x1 and 3x3
      3 * 256 + 4 * 512 + 6 * 1024 + 3 * 2048 + 256 + 512 + 1024 + 2048;  // last, shortcuts
  const std::int64_t pre_norms = 3 * 2 * 64 + 4 * 2 * 128 + 6 * 2 * 256 + 3 * 2 * 512 +
                                 (64 + 2 * 256) + (256 + 3 * 512) + (512 + 5 * 1024) +
                                 (1024 + 2 * 2048) + 2048;
  spec.preactivation = true;
  CHECK(parameters(spec) == 25557032 - 2 * post_norms + 2 * pre_norms);
  spec.norm = FamilyNorm::group_norm;
  CHECK(parameters(spec) == 25557032 - 2 * post_norms + 2 * pre_norms);
}

TEST_CASE("width, classes, input and groups are followed") {
  FamilySpec spec = resnet(20, FamilyNorm::group_norm);
  spec.width = 2;
  spec.classes = 100;
  spec.input = Shape::image(1, 16, 16);
  spec.norm_groups = 0;
  spec.norm_group_size = 4;
  const Network network = network_of(spec);
  CHECK(layer_named(network, "conv1").output == Shape::image(32, 16, 16));
  CHECK(layer_named(network, "norm1").spec.groups == 8);
  CHECK(layer_named(network, "block3_1_norm1").spec.groups == 32);
  CHECK(network.output() == Shape::features(100));
  spec.norm_group_size = 5;
  CHECK_THAT(message_of<UserError>([&] { network_of(spec); }), Contains("must divide"));
}

TEST_CASE("options that a family cannot take are refused by name") {
  CHECK_THAT(failure(vgg(12, FamilyForm::cifar)),
             Contains("network.depth: found 12; allowed: 11, 13, 16, 19"));
  CHECK_THAT(failure(resnet(21, FamilyNorm::none)),
             Contains("network.depth: found 21") && Contains("6n+2"));
  CHECK_THAT(failure(resnet(2, FamilyNorm::none)), Contains("network.depth: found 2"));
  CHECK_THAT(failure(resnet(20, FamilyNorm::local_response_norm)), Contains("only alexnet"));
  FamilySpec spec = resnet(20, FamilyNorm::group_norm);
  spec.norm_group_size = 2;  // beside the 8 groups of the default
  CHECK_THAT(failure(spec), Contains("network.norm_groups: found 8 with norm_group_size 2"));
  spec = default_family_spec(Family::lenet5);
  spec.classes = 0;
  spec.width = 0;
  spec.dropout = 1;
  CHECK_THAT(failure(spec), Contains("network.classes") && Contains("network.width") &&
                                Contains("network.dropout"));
}

TEST_CASE("every family builds with its defaults and names the fields it reads") {
  for (Family family :
       {Family::lenet5, Family::alexnet, Family::vgg, Family::resnet_cifar, Family::resnet50}) {
    CHECK(network_of(default_family_spec(family)).output().channels ==
          (family == Family::resnet50 ? 1000 : 10));
    const auto fields = family_fields(family);
    CHECK(fields[0] == "input");
    const bool norm = std::count(fields.begin(), fields.end(), "norm") == 1;
    CHECK(norm == (family != Family::lenet5));
  }
}

}  // namespace stagecoach
