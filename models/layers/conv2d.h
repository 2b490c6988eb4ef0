// SPDX-License-Identifier: Apache-2.0
// Two-dimensional convolution (cross-correlation, as every framework has it) with its gradients.
#pragma once

#include <memory>

#include "models/layers/layer.h"

namespace stagecoach {

/// Kernels of a conv2d layer: any square kernel, stride, padding, groups, channel counts, batch.
///
///   y[n,o,i,j]  = b[o] + sum_{c,p,q} w[o,c,p,q] x[n, c, s i + p - padding, s j + q - padding]
///   dx          = the transposed sum of w dy,  dw[o,c,p,q] = sum_{n,i,j} dy[n,o,i,j] x[...],
///   db[o]       = sum_{n,i,j} dy[n,o,i,j]
///
/// Padding is the zeros in the input's halo; needs() asks for them. Parameters in PyTorch's order:
/// weight [out, in/groups, kernel, kernel], bias [out] (when the layer has one).
/// Throws ModelBug if the node is no conv2d with one input or its shapes do not fit each other.
template <class T>
std::unique_ptr<Layer<T>> make_conv2d(const LayerNode& node);

}  // namespace stagecoach
