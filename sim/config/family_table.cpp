// SPDX-License-Identifier: Apache-2.0
// The table of network families.
#include "models/base/error.h"
#include "sim/config/workload_file.h"

namespace stagecoach {
namespace {

using F = FamilySpec;

constexpr int kMaxOption = 65536;

Codec<FamilyNorm> norm_codec(Family family) {
  std::vector<Word<FamilyNorm>> all = {
      {"none", FamilyNorm::none, ""},
      {"batch_norm2d", FamilyNorm::batch_norm2d, ""},
      {"group_norm", FamilyNorm::group_norm, ""},
      {"layer_norm", FamilyNorm::layer_norm, ""},
      {"filter_response_norm", FamilyNorm::filter_response_norm, ""},
      {"online_norm", FamilyNorm::online_norm, ""},
  };
  if (family == Family::alexnet) {
    all.push_back({"local_response_norm", FamilyNorm::local_response_norm, ""});
  }
  return words<FamilyNorm>(std::move(all));
}

/// The row of one option; `key` is a name that family_fields() gives.
void add_option(Table<F>& t, Family family, const std::string& key) {
  if (key == "input") {
    t.optional(key, &F::input, shape_codec(), "Shape of one sample.");
  } else if (key == "classes") {
    t.optional(key, &F::classes, integer(1, 1 << 24), "Outputs of the last layer.");
  } else if (key == "width") {
    t.optional(key, &F::width, number(between(1.0 / 1024, 64)),
               "Factor on the channels and features of every layer but the last.");
  } else if (key == "depth") {
    t.optional(key, &F::depth, integer(1, 10000),
               family == Family::vgg ? "11, 13, 16 or 19." : "6n+2: 20, 32, 44, 56, 110, ...");
  } else if (key == "norm") {
    t.optional(key, &F::norm, norm_codec(family),
               "What stands between a convolution and its activation.");
  } else if (key == "norm_groups") {
    t.optional(key, &F::norm_groups, integer(1, kMaxOption), "group_norm: groups per layer.");
  } else if (key == "norm_group_size") {
    t.optional(key, &F::norm_group_size, integer(1, kMaxOption),
               "group_norm: channels per group, instead of norm_groups.", "norm_groups counts");
  } else if (key == "form") {
    t.optional(key, &F::form,
               words<FamilyForm>({{"cifar", FamilyForm::cifar, "classifier 512-512"},
                                  {"imagenet", FamilyForm::imagenet, "classifier 4096-4096"}}),
               "The classifier; also the default of input and classes.");
  } else if (key == "activation") {
    t.optional(key, &F::activation,
               words<FamilyActivation>({{"relu", FamilyActivation::relu, ""},
                                        {"tanh", FamilyActivation::tanh, ""},
                                        {"sigmoid", FamilyActivation::sigmoid, ""}}),
               "After every layer but the last.");
  } else if (key == "pooling") {
    t.optional(key, &F::pooling,
               words<FamilyPooling>(
                   {{"max", FamilyPooling::max, ""}, {"average", FamilyPooling::average, ""}}),
               "After each convolution.");
  } else if (key == "dropout") {
    t.optional(key, &F::dropout, number(from_below(0, 1)), "Share of zeros in the classifier.");
  } else if (key == "preactivation") {
    t.optional(key, &F::preactivation, boolean(), "Norm and relu before each convolution.");
  } else {
    throw ModelBug("family option without a table row: " + key);
  }
}

Variant<F, Family> variant(const char* word, Family family, const char* sentence) {
  Table<F> t("", "", default_family_spec(family));
  for (const std::string& key : family_fields(family)) add_option(t, family, key);
  return {word, family, sentence, std::move(t)};
}

Table<F> family_table() {
  Table<F> t("family", "A well-known network in one line. `family` selects its options.");
  t.tagged<Family>(
      "family", &F::family, "Which network.",
      {variant("lenet5", Family::lenet5, "LeNet-5 with a padded first convolution."),
       variant("alexnet", Family::alexnet, "AlexNet cut down to CIFAR."),
       variant("vgg", Family::vgg, "VGG with two hidden classifier layers."),
       variant("resnet_cifar", Family::resnet_cifar, "The residual networks for CIFAR."),
       variant("resnet50", Family::resnet50, "The residual network for ImageNet.")});
  return t;
}

}  // namespace

Codec<FamilySpec> family_codec() {
  Codec<FamilySpec> codec = family_table().codec();
  const auto read = codec.read;
  codec.read = [read](const Json& value, const Place& at, FamilySpec& out) {
    // Defaults depend on family and form: a first, quiet reading finds these.
    Issues quiet;
    FamilySpec first;
    read(value, Place(at.document(), quiet, at.pointer()), first);
    FamilySpec spec = default_family_spec(first.family, first.form);
    const bool sizes_groups = value.is_object() && value.contains("norm_group_size");
    const bool counts_groups = value.is_object() && value.contains("norm_groups");
    if (sizes_groups && !counts_groups) spec.norm_groups = 0;
    if (!read(value, at, spec)) return false;
    if (spec.norm != FamilyNorm::group_norm && (sizes_groups || counts_groups)) {
      at.child(sizes_groups ? "norm_group_size" : "norm_groups")
          .report("changes nothing without \"norm\": \"group_norm\"");
      return false;
    }
    out = spec;
    return true;
  };
  return codec;
}

}  // namespace stagecoach
