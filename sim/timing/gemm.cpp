// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/gemm.h"

namespace stagecoach {

MatrixProduct in_form(const MatrixProduct& product, InputGradientForm form) {
  MatrixProduct p = product;
  if (form == InputGradientForm::gemm || p.pass() != LayerPass::input_gradient) return p;
  p.m = {p.result.elements / (p.groups * p.n.channels)};
  p.k = {product.k.channels, product.n.window_rows, product.n.window_columns};
  p.n = {product.n.channels};
  return p;
}

GemmShape gemm_shape(const MatrixProduct& p) {
  return {p.m.size(), p.k.size(), p.n.size(), p.groups};
}

double bytes_of(OperandRole role, const ElementSpec& e) {
  switch (role) {
    case OperandRole::weight:
      return e.weights_bytes;
    case OperandRole::activation:
      return e.activations_bytes;
    case OperandRole::gradient:
    case OperandRole::weight_gradient:
      return e.gradients_bytes;
  }
  return 0;
}

}  // namespace stagecoach
