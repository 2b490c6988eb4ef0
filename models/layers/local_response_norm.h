// SPDX-License-Identifier: Apache-2.0
// Local response normalisation across channels (Krizhevsky et al. 2012), PyTorch's scaling.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y[c] = x[c] d[c]^-beta,  d[c] = k + alpha / size * sum of x[j]^2, j from c - size/2 to
/// c + (size-1)/2 where such channels exist.
template <class T>
std::unique_ptr<Layer<T>> make_local_response_norm(const LayerNode& node);

}  // namespace stagecoach
