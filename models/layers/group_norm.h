// SPDX-License-Identifier: Apache-2.0
// Group normalisation (Wu & He 2018), PyTorch's GroupNorm.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y[c] = weight[c] (x[c] - mean) / sqrt(var + epsilon) + bias[c], mean and biased variance over
/// the pixels of the channel's group, sample by sample: at batch one it is what it is at any batch.
/// Statistics kept from the forward pass serve the backward pass. [C,H,W] or [F].
template <class T>
std::unique_ptr<Layer<T>> make_group_norm(const LayerNode& node);

}  // namespace stagecoach
