// SPDX-License-Identifier: Apache-2.0
#include "models/layers/work.h"

namespace stagecoach {

LayerPass MatrixProduct::pass() const {
  switch (result.role) {
    case OperandRole::weight:
    case OperandRole::activation:
      return LayerPass::forward;
    case OperandRole::gradient:
      return LayerPass::input_gradient;
    case OperandRole::weight_gradient:
      return LayerPass::weight_gradient;
  }
  return LayerPass::forward;
}

std::int64_t MatrixProduct::macs() const {
  if (connections == 0) return groups * m.size() * k.size() * n.size();
  return connections * (pass() == LayerPass::weight_gradient ? k.size() : m.size());
}

MatrixProduct for_samples(MatrixProduct p, int samples) {
  if (p.result.role == OperandRole::weight_gradient) {
    p.k.channels *= samples;
  } else if (p.right.role == OperandRole::weight) {
    p.m.channels *= samples;
  } else {
    p.groups *= samples;
  }
  for (Operand* o : {&p.left, &p.right, &p.result}) {
    if (o->role == OperandRole::activation || o->role == OperandRole::gradient)
      o->elements *= samples;
  }
  p.fused_elements *= samples;
  return p;
}

LayerWork elementwise_work(const LayerNode& node, const ElementwiseCost& cost,
                           double forward_elements, double backward_elements,
                           const KeptValues& kept) {
  double in = 0;
  for (const Shape& s : node.input_shapes) in += static_cast<double>(s.elements());
  const double out = static_cast<double>(node.output.elements());
  LayerWork work;
  work.elementwise.push_back({LayerPass::forward, &cost, forward_elements, in, out});
  work.elementwise.push_back({LayerPass::input_gradient, &cost, backward_elements,
                              out + (kept.input || kept.output ? in : 0), in});
  work.kept = kept;
  return work;
}

LayerWork elementwise_work(const LayerNode& node, const ElementwiseCost& cost,
                           const KeptValues& kept) {
  const double out = static_cast<double>(node.output.elements());
  return elementwise_work(node, cost, out, out, kept);
}

LayerWork renaming_work(const LayerNode&) {
  LayerWork work;
  work.renames_input = true;
  return work;
}

LayerWork weighted_work(const LayerNode& node, std::int64_t groups, std::int64_t kernel) {
  const Shape& input = node.input_shapes.at(0);
  const Extent pixels{node.output.pixels()};
  const Extent in{input.channels / groups, kernel, kernel}, out{node.output.channels / groups};
  const std::int64_t weights = groups * in.size() * out.size();
  const Operand x{OperandRole::activation, input.elements()};
  const Operand y{OperandRole::activation, node.output.elements()};
  const Operand dx{OperandRole::gradient, x.elements}, dy{OperandRole::gradient, y.elements};
  const Operand w{OperandRole::weight, weights}, dw{OperandRole::weight_gradient, weights};
  LayerWork work;
  work.products = {{groups, pixels, in, out, x, w, y},
                   {groups, pixels, out, in, dy, w, dx},
                   {groups, in, pixels, out, x, dy, dw}};
  if (node.spec.bias) {
    for (MatrixProduct* p : {&work.products.front(), &work.products.back()}) {
      p->fused_cost = &kBiasCost;
      p->fused_elements = static_cast<double>(y.elements);
    }
  }
  work.kept.input = true;
  return work;
}

}  // namespace stagecoach
