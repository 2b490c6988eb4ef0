// SPDX-License-Identifier: Apache-2.0
// Layers that move numbers without changing them: identity, flatten; and add.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y = x. Any shape; in place it costs nothing.
template <class T>
std::unique_ptr<Layer<T>> make_identity(const LayerNode& node);

/// [C,H,W] to [C H W] in PyTorch's order (channel outermost): y[(c H + i) W + j] = x[c,i,j].
template <class T>
std::unique_ptr<Layer<T>> make_flatten(const LayerNode& node);

/// y = x_0 + x_1 + ..., added in the order of the inputs; every input gets dy. Equal shapes.
template <class T>
std::unique_ptr<Layer<T>> make_add(const LayerNode& node);

}  // namespace stagecoach
