// SPDX-License-Identifier: Apache-2.0
// The three products of a convolution of one group (and of a linear layer) on register tiles,
// without patches.
#pragma once

#include <cstdint>

#include "models/layers/conv_geometry.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// Zeros that conv_input_gradient() reads around the gradient of the output.
int conv_gradient_halo(const ConvGeometry& g);

/// Floats that conv_forward() needs.
std::int64_t conv_forward_scratch(const ConvGeometry& g);

/// y = bias + w * x; bias may be null.
void conv_forward(const ConvGeometry& g, View<const float> x, const float* weights,
                  const float* bias, View<float> y, float* scratch);

/// Input channels handled together in the backward pass, so that their weights stay in the cache
/// from the input gradient to the update. All of them, or a multiple of kLanes.
int conv_backward_slab(const ConvGeometry& g);

/// True if conv_input_gradient() multiplies weights as they lie (dot_tile.h) for batches of so many
/// samples; otherwise it transposes them and takes pixel tiles.
bool conv_takes_dot_products(const ConvGeometry& g, int batch);

/// Floats that conv_input_gradient() needs at most.
std::int64_t conv_input_gradient_scratch(const ConvGeometry& g);

/// dx (= or +=) w^T * dy for input channels [first, first + count); pad lanes become zero.
void conv_input_gradient(const ConvGeometry& g, View<const float> dy, const float* weights,
                         int first, int count, bool accumulate, View<float> dx, float* scratch);

/// True if conv_weight_gradient() can update for micro-batches of so many samples.
bool conv_fuses_update(const ConvGeometry& g, int samples);

/// True if conv_weight_gradient() walks whole rows of weights (row_stream.h) for batches of so many
/// samples; otherwise it takes row tiles.
bool conv_streams_rows(const ConvGeometry& g, int batch);

/// Floats that conv_weight_gradient() needs at most when it updates.
std::int64_t conv_weight_gradient_scratch(const ConvGeometry& g);

/// dw (= or +=) x * dy over output rows [first_row, first_row + rows), counted through all samples,
/// for the weight rows of input channels [first, first + count). With `update` (coefficients of the
/// weights first) the gradient is used up instead; `gradient` is not touched.
void conv_weight_gradient(const ConvGeometry& g, View<const float> x, View<const float> dy,
                          int first_row, int rows, int first, int count, bool accumulate,
                          float* gradient, const FusedUpdate<float>* update, float* scratch);

}  // namespace stagecoach
