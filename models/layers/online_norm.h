// SPDX-License-Identifier: Apache-2.0
// Online normalisation (Chiley et al. 2019) with layer scaling.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// Normalises each sample with the running statistics of the samples before it, per channel:
///
///   yn = (x - mu) / sqrt(var + epsilon)                      mu, var: before this sample
///   a  = weight yn + bias
///   y  = a / sqrt(mean(a^2) + epsilon)                       layer scaling: mean over the sample
///   var = f var + (1-f) var(x) + f (1-f) (mean(x) - mu)^2,   mu = f mu + (1-f) mean(x)
///
/// with f = forward_decay. The gradient that this would need, through all samples past, is replaced
/// by a control process (b = backward_decay; v = control_y, u = control_1; g: gradient by yn):
///
///   g' = g - (1-b) v yn,                       v += mean(g' yn)
///   dx = g' / sqrt(var + epsilon) - (1-b) u,   u += mean(dx)
///
/// Samples of a micro-batch go one after another in both passes, so micro-batches of any size mean
/// the same in the forward pass. With v = u = 0, dx is the exact gradient at fixed mu and var.
/// Evaluation uses the running statistics and leaves them alone.
template <class T>
std::unique_ptr<Layer<T>> make_online_norm(const LayerNode& node);

}  // namespace stagecoach
