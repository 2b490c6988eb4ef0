// SPDX-License-Identifier: Apache-2.0
// Layer normalisation (Ba, Kiros & Hinton 2016), PyTorch's LayerNorm.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y = weight (x - mean) / sqrt(var + epsilon) + bias, mean and biased variance over all of a
/// sample, weight and bias elementwise: shape [C,H,W] (or [F]), as nn.LayerNorm([C,H,W]) has it.
/// (One scale per channel instead: group_norm with one group.)
template <class T>
std::unique_ptr<Layer<T>> make_layer_norm(const LayerNode& node);

}  // namespace stagecoach
