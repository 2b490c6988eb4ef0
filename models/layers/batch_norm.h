// SPDX-License-Identifier: Apache-2.0
// Batch normalisation (Ioffe & Szegedy 2015), PyTorch's BatchNorm2d.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y[c] = weight[c] (x[c] - mean[c]) / sqrt(var[c] + epsilon) + bias[c].
///
/// Training: mean and biased variance over the micro-batch's samples and pixels; then
/// running = (1 - momentum) running + momentum new, the variance unbiased. Batch one (or
/// micro-batches of one) therefore means: statistics of that sample's pixels alone, and running
/// statistics that never see the variance between samples. A single value per channel (one pixel,
/// one sample) has variance 0 and gives y = bias, where PyTorch refuses. Evaluation: the running
/// statistics.
template <class T>
std::unique_ptr<Layer<T>> make_batch_norm2d(const LayerNode& node);

}  // namespace stagecoach
