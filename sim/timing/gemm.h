// SPDX-License-Identifier: Apache-2.0
// The matrix products of training: which product of which layer has which shape.
#pragma once

#include <cstdint>

#include "models/graph/network.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// The three products of a layer with a weight matrix or kernel.
enum class Product { forward, input_gradient, weight_gradient };

/// `groups` independent products (m x k) times (k x n).
struct GemmShape {
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t n = 0;
  std::int64_t groups = 1;

  /// Multiplications done, zeros included.
  std::int64_t macs() const { return m * k * n * groups; }
};

/// Geometry of a conv2d or linear layer, per group. A linear layer is a 1x1 convolution of one
/// pixel.
struct MatrixGeometry {
  std::int64_t groups = 1;
  std::int64_t in = 0;      ///< input channels of a group
  std::int64_t out = 0;     ///< output channels of a group
  std::int64_t kernel = 1;  ///< rows (= columns) of the kernel
  std::int64_t stride = 1;
  std::int64_t pixels_out = 1;
  std::int64_t pixels_in = 1;

  std::int64_t window() const { return kernel * kernel; }
  /// Elements of the weight tensor, all groups.
  std::int64_t weights() const { return groups * in * out * window(); }
};

/// Throws ModelBug for a layer without a weight matrix.
MatrixGeometry matrix_geometry(const LayerNode& node);

/// Useful multiplications of any of the three products, per sample: Ho Wo Cin/g Kh Kw Cout.
std::int64_t macs_per_sample(const LayerNode& node);

/// Shape of a product for a micro-batch of `samples` (im2col):
///   forward          M = samples Ho Wo   K = Cin/g Kh Kw   N = Cout/g
///   input gradient   M = samples Ho Wo   K = Cout/g        N = Cin/g Kh Kw     (form gemm)
///                    M = samples Hi Wi   K = Cout/g Kh Kw  N = Cin/g           (form transposed)
///   weight gradient  M = Cin/g Kh Kw     K = samples Ho Wo N = Cout/g
/// `transposed` multiplies the inserted zeros too.
GemmShape gemm_shape(const MatrixGeometry& geometry, Product product, InputGradientForm form,
                     int samples);

}  // namespace stagecoach
