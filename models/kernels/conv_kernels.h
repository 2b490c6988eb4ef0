// SPDX-License-Identifier: Apache-2.0
// The three products of a convolution (and of a linear layer) on register tiles, without im2col.
#pragma once

#include <cstdint>

#include "models/kernels/conv_geometry.h"
#include "models/kernels/tile_problem.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// True if the kernels of this file serve this geometry: one group, every channel its own group, or
/// groups of whole vectors on both sides.
template <class T>
bool tiles_serve(const ConvGeometry& g) {
  return g.groups == 1 || g.depthwise() ||
         (g.group_in() % kLanes<T> == 0 && g.group_out() % kLanes<T> == 0);
}

/// Zeros that conv_input_gradient() reads around the gradient of the output.
int conv_gradient_halo(const ConvGeometry& g);

/// What forward sums, and the weight gradient turns round; without weights, bias and output.
template <class T>
TileProblem<T> conv_forward_problem(const ConvGeometry& g, const View<const T>& x);

/// y = bias + w * x; bias may be null.
template <class T>
void conv_forward(const ConvGeometry& g, View<const T> x, const T* weights, const T* bias,
                  View<T> y);

/// Input channels handled together in the backward pass, so that their weights stay in the cache
/// from the input gradient to the update. All of them, or a multiple of kLanes.
template <class T>
int conv_backward_slab(const ConvGeometry& g);

/// Elements of T that conv_input_gradient() needs at most.
template <class T>
std::int64_t conv_input_gradient_scratch(const ConvGeometry& g);

/// dx (= or +=) w^T * dy for input channels [first, first + count); pad lanes become zero.
template <class T>
void conv_input_gradient(const ConvGeometry& g, View<const T> dy, const T* weights, int first,
                         int count, bool accumulate, View<T> dx, T* scratch);

/// Elements of T that conv_weight_gradient() needs at most when it updates.
template <class T>
std::int64_t conv_weight_gradient_scratch(const ConvGeometry& g);

/// dw (= or +=) x * dy for the rows of input channels [first, first + count). With `update`
/// (coefficients of the weights first) the gradient is used up instead; `gradient` is not touched.
template <class T>
void conv_weight_gradient(const ConvGeometry& g, View<const T> x, View<const T> dy, int first,
                          int count, bool accumulate, T* gradient, const FusedUpdate<T>* update,
                          T* scratch);

/// db (= or +=) the sum of dy over samples and pixels; or the update of the bias, whose velocity,
/// weights, ... start at `offset` of the update's blocks and whose coefficients come second.
template <class T>
void conv_bias_gradient(View<const T> dy, bool accumulate, T* gradient,
                        const FusedUpdate<T>* update, std::int64_t offset);

}  // namespace stagecoach
