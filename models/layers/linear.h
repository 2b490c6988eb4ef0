// SPDX-License-Identifier: Apache-2.0
// Fully connected layer with its gradients.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// Kernels of a linear layer: y = W x + b; dx = W^T dy, dW = dy x^T, db = dy, summed over samples.
/// Takes and gives rank-1 values. Parameters in PyTorch's order: weight [out, in], bias [out]
/// (when the layer has one). Throws ModelBug if the node is no linear layer with one input or its
/// shapes do not fit each other.
template <class T>
std::unique_ptr<Layer<T>> make_linear(const LayerNode& node);

}  // namespace stagecoach
