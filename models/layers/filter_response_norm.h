// SPDX-License-Identifier: Apache-2.0
// Filter response normalisation with its thresholded linear unit (Singh & Krishnan 2020).
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y[c] = max(weight[c] x / sqrt(nu2[c] + |epsilon|) + bias[c], threshold[c]), nu2 the mean of x^2
/// over the channel's pixels, sample by sample (nothing is subtracted, no other channel is seen).
/// Epsilon is not learned. Where both sides of the maximum are equal the threshold gets the
/// gradient. As for every activation, which side won is what the forward pass saw, whatever the
/// weights of the backward pass.
template <class T>
std::unique_ptr<Layer<T>> make_filter_response_norm(const LayerNode& node);

}  // namespace stagecoach
