// SPDX-License-Identifier: Apache-2.0
// Elementwise activations: relu, tanh, sigmoid.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y = max(x, 0); dx = dy where y > 0, else 0 (at x = 0 as PyTorch: 0). NaN stays NaN.
/// Any shape; works in place: backward reads the output alone.
template <class T>
std::unique_ptr<Layer<T>> make_relu(const LayerNode& node);

/// y = tanh(x); dx = dy (1 - y^2). Any shape; in place.
template <class T>
std::unique_ptr<Layer<T>> make_tanh(const LayerNode& node);

/// y = 1 / (1 + exp(-x)); dx = dy y (1 - y). Any shape; in place.
template <class T>
std::unique_ptr<Layer<T>> make_sigmoid(const LayerNode& node);

}  // namespace stagecoach
