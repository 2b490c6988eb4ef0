// SPDX-License-Identifier: Apache-2.0
// Well-known networks from one line of a workload: each family expands to a list of layers.
#pragma once

#include <string>
#include <vector>

#include "models/graph/layer_spec.h"
#include "models/graph/network.h"

namespace stagecoach {

enum class Family {
  lenet5,        ///< LeCun et al. 1998, in the form of today's tutorials: padded first convolution
  alexnet,       ///< Krizhevsky 2012 cut down to CIFAR (five convolutions, one classifier layer)
  vgg,           ///< Simonyan & Zisserman 2014, configurations A, B, D
  resnet_cifar,  ///< He et al. 2015, section 4.2 (depth 6n+2); 2016 with `preactivation`
  resnet50,      ///< He et al. 2015, table 1, stride on the 3x3; 2016 with `preactivation`
};

/// What stands between a convolution and its activation.
enum class FamilyNorm {
  none,
  batch_norm2d,
  group_norm,
  layer_norm,
  filter_response_norm,  ///< has its own threshold: takes the place of the relu after it
  online_norm,
  local_response_norm,  ///< alexnet only: after the relu of the first two convolutions
};

enum class FamilyActivation { relu, tanh, sigmoid };
enum class FamilyPooling { max, average };

/// vgg only: classifier dropout-512-relu-dropout-512-relu-classes (chengyangfu/pytorch-vgg-cifar10)
/// or 4096-relu-dropout-4096-relu-dropout-classes (the paper, torchvision).
enum class FamilyForm { cifar, imagenet };

/// A family with its options; the member names are the workload's keys. Which of them a family
/// has: family_fields(); what they are when not given: default_family_spec().
struct FamilySpec {
  Family family = Family::lenet5;
  Shape input = Shape::image(1, 28, 28);
  int classes = 10;
  int depth = 0;       ///< vgg: 11, 13, 16, 19; resnet_cifar: 6n+2
  double width = 1.0;  ///< factor on the channels and hidden features of every layer but the last
  FamilyNorm norm = FamilyNorm::none;
  int norm_groups = 0;      ///< group_norm: groups per layer ...
  int norm_group_size = 0;  ///< ... or channels per group; exactly one of the two is above 0
  FamilyForm form = FamilyForm::cifar;
  FamilyActivation activation = FamilyActivation::relu;  ///< lenet5
  FamilyPooling pooling = FamilyPooling::max;            ///< lenet5
  double dropout = 0.5;        ///< vgg: share of zeros; 0: no dropout layers
  bool preactivation = false;  ///< resnets: norm and relu before each convolution
};

/// The options of a family when nothing is said: input and classes of its data set, norm none
/// (resnets: group_norm with 8 groups on CIFAR, 32 on ImageNet), depth 16 (vgg) or 20
/// (resnet_cifar), resnet50 pre-activated. `form` picks vgg's input and classes.
FamilySpec default_family_spec(Family family, FamilyForm form = FamilyForm::cifar);

/// Names of the members that the family reads, "input" and "classes" first.
std::vector<std::string> family_fields(Family family);

/// The layers of a family. Problems of the options are appended to `issues` (layer -1, the
/// member's name as field); the result is usable only if none was. Problems that show only in
/// shapes (an input too small, groups that do not divide channels) are left to build_network.
///
/// Shortcuts of residual blocks that change shape are 1x1 convolutions with a norm (none in
/// pre-activated networks): "option B" of the 2015 paper. Its option A, strided identity padded
/// with zero channels, has no layer type here; parameter counts are larger by the 1x1 kernels.
/// Convolutions have a bias, but in residual networks only with norm none.
NetworkSpec build_family(const FamilySpec& spec, std::vector<NetworkIssue>& issues);

/// The same for callers whose options must be right: throws UserError with all issues.
NetworkSpec build_family(const FamilySpec& spec);

}  // namespace stagecoach
