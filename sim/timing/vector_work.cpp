// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/vector_work.h"

namespace stagecoach {

namespace {

/// Operations per element and elements they count, of the kinds that the vector unit runs.
struct Unit {
  VectorCost cost;
  double forward_elements = 0;
  double backward_elements = 0;
  bool reads_kept_value = false;  ///< the backward reads a kept value as large as the input
};

Unit unit_of(const LayerNode& node, const VectorOperations& v) {
  const double out = static_cast<double>(node.output.elements());
  const double window = static_cast<double>(node.spec.kernel) * node.spec.kernel;
  const double in =
      node.input_shapes.empty() ? out : static_cast<double>(node.input_shapes[0].elements());
  const double inputs = static_cast<double>(node.inputs.size());
  switch (node.spec.kind) {
    case LayerKind::conv2d:
    case LayerKind::linear:
      if (!node.spec.bias) return {};
      return {v.bias, out, out, false};
    case LayerKind::relu:
      return {v.relu, out, out, false};
    case LayerKind::tanh:
      return {v.tanh, out, out, true};
    case LayerKind::sigmoid:
      return {v.sigmoid, out, out, true};
    case LayerKind::max_pool2d:
      return {v.max_pool2d, out * window, out, false};
    case LayerKind::avg_pool2d:
      return {v.avg_pool2d, out * window, out * window, false};
    case LayerKind::global_avg_pool2d:
      return {v.avg_pool2d, in, in, false};
    case LayerKind::batch_norm2d:
      return {v.batch_norm2d, out, out, true};
    case LayerKind::group_norm:
      return {v.group_norm, out, out, true};
    case LayerKind::layer_norm:
      return {v.layer_norm, out, out, true};
    case LayerKind::filter_response_norm:
      return {v.filter_response_norm, out, out, true};
    case LayerKind::online_norm:
      return {v.online_norm, out, out, true};
    case LayerKind::local_response_norm:
      return {v.local_response_norm, out * node.spec.size, out * node.spec.size, true};
    case LayerKind::dropout:
      return {v.dropout, out, out, false};
    case LayerKind::add:
      return {v.add, out * (inputs - 1), out * inputs, false};
    case LayerKind::flatten:
    case LayerKind::identity:
      return {};
  }
  return {};
}

/// Bias additions happen where the product leaves the array: they move nothing of their own.
bool moves_data(const LayerNode& node) {
  return !has_weight_matrix(node.spec.kind) && node.spec.kind != LayerKind::flatten &&
         node.spec.kind != LayerKind::identity;
}

double input_elements(const LayerNode& node) {
  double n = 0;
  for (const Shape& s : node.input_shapes) n += static_cast<double>(s.elements());
  return n;
}

}  // namespace

VectorWork vector_forward(const LayerNode& node, const VectorOperations& operations) {
  const Unit unit = unit_of(node, operations);
  VectorWork work;
  work.operations = unit.cost.forward * unit.forward_elements;
  if (moves_data(node)) {
    work.elements_read = input_elements(node);
    work.elements_written = static_cast<double>(node.output.elements());
  }
  return work;
}

VectorWork vector_backward(const LayerNode& node, const VectorOperations& operations) {
  const Unit unit = unit_of(node, operations);
  VectorWork work;
  work.operations = unit.cost.backward * unit.backward_elements;
  if (moves_data(node)) {
    const double in = input_elements(node);
    work.elements_read =
        static_cast<double>(node.output.elements()) + (unit.reads_kept_value ? in : 0);
    work.elements_written = in;
  }
  return work;
}

VectorWork loss_forward(std::int64_t elements, const VectorOperations& operations) {
  const double n = static_cast<double>(elements);
  return {operations.loss.forward * n, n, n};
}

VectorWork loss_backward(std::int64_t elements, const VectorOperations& operations) {
  const double n = static_cast<double>(elements);
  return {operations.loss.backward * n, n, n};
}

}  // namespace stagecoach
