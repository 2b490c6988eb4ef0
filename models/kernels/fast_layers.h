// SPDX-License-Identifier: Apache-2.0
// The fast paths: layers by hand where that is measurably faster than their definition
// (docs/engine.md lists them with both times).
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// Fast paths equal the definitions to rounding, and may update weights in passing.
std::unique_ptr<Layer<float>> make_fast_conv2d(const LayerNode& node);  ///< null: several groups
std::unique_ptr<Layer<float>> make_fast_linear(const LayerNode& node);

}  // namespace stagecoach
