// SPDX-License-Identifier: Apache-2.0
// Shapes of matrix products as a matrix unit sees them.
#pragma once

#include <cstdint>

#include "models/layers/work.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// `groups` independent products (m x k) times (k x n).
struct GemmShape {
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t n = 0;
  std::int64_t groups = 1;

  /// Multiplications done, zeros included.
  std::int64_t macs() const { return m * k * n * groups; }
};

/// The product in the form that the hardware computes. An input gradient as a transposed
/// convolution multiplies the inserted zeros too; with windows in its sum instead of its result:
///   form gemm        M = Ho Wo   K = Cout/g         N = Cin/g Kh Kw
///   form transposed  M = Hi Wi   K = Cout/g Kh Kw   N = Cin/g
/// All other products have one form.
MatrixProduct in_form(const MatrixProduct& product, InputGradientForm form);

GemmShape gemm_shape(const MatrixProduct& product);

/// Bytes of one element of an operand.
double bytes_of(OperandRole role, const ElementSpec& elements);

}  // namespace stagecoach
