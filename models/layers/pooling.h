// SPDX-License-Identifier: Apache-2.0
// Pooling over square windows, and over the whole image. PyTorch's meaning, without ceil_mode.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// y[c,i,j] = max over the window at (s i - padding, s j - padding); padding never wins; of equal
/// values the first in row-major order gets the gradient; NaN wins over everything.
template <class T>
std::unique_ptr<Layer<T>> make_max_pool2d(const LayerNode& node);

/// y[c,i,j] = sum over the window / kernel^2, padding counted as zeros (count_include_pad=True).
template <class T>
std::unique_ptr<Layer<T>> make_avg_pool2d(const LayerNode& node);

/// [C,H,W] to the mean of every channel: [C] (or [C,1,1]).
template <class T>
std::unique_ptr<Layer<T>> make_global_avg_pool2d(const LayerNode& node);

}  // namespace stagecoach
