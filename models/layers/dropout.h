// SPDX-License-Identifier: Apache-2.0
// Dropout whose mask belongs to the sample, not to the moment.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// Training: y = x / (1 - p) with probability 1 - p, else 0; dx the same of dy. Evaluation: y = x.
/// Whether element [c,i,j] is dropped follows from the sample's key, the layer's name and the
/// element alone, so micro-batches, threads and vector widths do not matter. Any shape; in place.
template <class T>
std::unique_ptr<Layer<T>> make_dropout(const LayerNode& node);

}  // namespace stagecoach
