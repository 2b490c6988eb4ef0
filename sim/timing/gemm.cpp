// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/gemm.h"

#include "models/base/error.h"

namespace stagecoach {

MatrixGeometry matrix_geometry(const LayerNode& node) {
  if (!has_weight_matrix(node.spec.kind)) {
    throw ModelBug("matrix_geometry: layer " + node.spec.name + " has no weight matrix");
  }
  MatrixGeometry g;
  const Shape& input = node.input_shapes.at(0);
  if (node.spec.kind == LayerKind::linear) {
    g.in = input.elements();
    g.out = node.output.elements();
    return g;
  }
  g.groups = node.spec.groups;
  g.in = input.channels / g.groups;
  g.out = node.output.channels / g.groups;
  g.kernel = node.spec.kernel;
  g.stride = node.spec.stride > 0 ? node.spec.stride : 1;
  g.pixels_out = node.output.pixels();
  g.pixels_in = input.pixels();
  return g;
}

std::int64_t macs_per_sample(const LayerNode& node) {
  const MatrixGeometry g = matrix_geometry(node);
  return g.weights() * g.pixels_out;
}

GemmShape gemm_shape(const MatrixGeometry& g, Product product, InputGradientForm form,
                     int samples) {
  GemmShape s;
  s.groups = g.groups;
  const std::int64_t pixels = g.pixels_out * samples;
  switch (product) {
    case Product::forward:
      s.m = pixels, s.k = g.in * g.window(), s.n = g.out;
      break;
    case Product::weight_gradient:
      s.m = g.in * g.window(), s.k = pixels, s.n = g.out;
      break;
    case Product::input_gradient:
      if (form == InputGradientForm::gemm) {
        s.m = pixels, s.k = g.out, s.n = g.in * g.window();
      } else {
        s.m = g.pixels_in * samples, s.k = g.out * g.window(), s.n = g.in;
      }
      break;
  }
  return s;
}

}  // namespace stagecoach
