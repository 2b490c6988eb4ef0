// SPDX-License-Identifier: Apache-2.0
// Work of everything that is no matrix product: counts of operations and of elements moved.
#pragma once

#include "models/graph/network.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// Per sample of one layer and one direction.
struct VectorWork {
  double operations = 0;
  double elements_read = 0;
  double elements_written = 0;
};

/// Forward work on the vector unit: for conv2d and linear their bias, for flatten and identity
/// nothing (they only rename), for everything else the layer itself.
VectorWork vector_forward(const LayerNode& node, const VectorOperations& operations);

/// Backward work: the layer's input gradient and the gradients of norm and bias parameters. A layer
/// reads the gradient of its output and what it kept (docs/timing_model.md), writes that of its
/// inputs.
VectorWork vector_backward(const LayerNode& node, const VectorOperations& operations);

/// Loss over a network output of `elements` values; forward and backward.
VectorWork loss_forward(std::int64_t elements, const VectorOperations& operations);
VectorWork loss_backward(std::int64_t elements, const VectorOperations& operations);

}  // namespace stagecoach
