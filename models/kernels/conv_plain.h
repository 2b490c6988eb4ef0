// SPDX-License-Identifier: Apache-2.0
// Convolution as plain loops: the path for groups whose channels are no whole vectors.
#pragma once

#include "models/base/tensor.h"
#include "models/kernels/conv_geometry.h"

namespace stagecoach {

/// y = bias + w * x (bias may be null); writes whole vectors of the output's pixels. The input must
/// have zeros around it for `padding` rows and columns.
template <class T>
void conv_plain_forward(const ConvGeometry& g, View<const T> input, const T* weights, const T* bias,
                        View<T> output);

/// dx (= or +=) w^T * dy, whole vectors; pad lanes become or stay zero.
template <class T>
void conv_plain_input_gradient(const ConvGeometry& g, View<const T> gradient_output,
                               const T* weights, bool accumulate, View<T> gradient_input);

/// dw (= or +=) x * dy over all samples.
template <class T>
void conv_plain_weight_gradient(const ConvGeometry& g, View<const T> input,
                                View<const T> gradient_output, bool accumulate,
                                T* gradient_weights);

}  // namespace stagecoach
