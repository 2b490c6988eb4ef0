// SPDX-License-Identifier: Apache-2.0
// Fully connected layer: matrix products.
#include "models/layers/linear.h"

#include <string>

#include "models/base/error.h"
#include "models/kernels/fast_layers.h"
#include "models/layers/definition.h"
#include "models/layers/product.h"

namespace stagecoach {

template <class T>
Linear<T>::Linear(const LayerNode& node) {
  const LayerSpec& spec = node.spec;
  if (spec.kind != LayerKind::linear || node.input_shapes.size() != 1)
    throw ModelBug("linear: layer '" + spec.name + "' is no linear layer with one input");
  if (node.input_shapes[0].rank != 1 || node.output.rank != 1 ||
      node.parameters.size() != (spec.bias ? 2u : 1u))
    throw ModelBug("linear: the shapes of layer '" + spec.name + "' do not fit");
  in_ = node.input_shapes[0].channels;
  out_ = node.output.channels;
  has_bias_ = spec.bias;
}

template <class T>
LayerNeeds Linear<T>::needs() const {
  LayerNeeds needs;
  needs.backward_reads_input = true;
  needs.scratch = kProductScratch;
  return needs;
}

template <class T>
std::vector<ParameterSlot> Linear<T>::slots() const {
  std::vector<ParameterSlot> slots{{0, 0, weights()}};
  if (has_bias_) slots.push_back({1, weights(), padded<T>(out_)});
  return slots;
}

template <class T>
void Linear<T>::import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const {
  numbers(block + slot.offset, slot.size).setZero();
  if (slot.parameter == 1)
    bias(block) = numbers(pytorch, out_);
  else
    matrix(block) = MatrixMap<const T>(pytorch, in_, out_, Eigen::OuterStride<>(in_)).transpose();
}

template <class T>
void Linear<T>::export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const {
  if (slot.parameter == 1)
    numbers(pytorch, out_) = bias(block);
  else
    MatrixMap<T>(pytorch, in_, out_, Eigen::OuterStride<>(in_)) = matrix(block).transpose();
}

template <class T>
void Linear<T>::forward(const ForwardArgs<T>& args) const {
  const auto x = samples(args.inputs[0]);
  auto y = samples(args.output);
  product(y, matrix(args.parameters), x, false, args.scratch);
  if (has_bias_) y.colwise() += bias(args.parameters).matrix();
}

template <class T>
void Linear<T>::backward(const BackwardArgs<T>& args) const {
  const auto x = samples(args.inputs[0]), dy = samples(args.gradient_output);
  if (args.gradient_inputs[0]) {
    product(samples(args.gradient_inputs[0]), matrix(args.parameters).transpose(), dy,
            args.accumulate[0], args.scratch);
    clear_pads(args.gradient_inputs[0]);
  }
  if (!args.gradient_parameters) return;
  const bool add = args.accumulate_parameters;
  product(matrix(args.gradient_parameters), dy, x.transpose(), add, args.scratch);
  if (has_bias_) sum_of_pixels(args.gradient_output, args.gradient_parameters + weights(), add);
}

template class Linear<float>;
template class Linear<double>;

namespace {

void infer(LayerResolver& layer) {
  const Shape& in = layer.in();
  if (in.rank != 1) {
    layer.issue("", "linear needs features [F], its input is " + to_string(in) +
                        "; put a flatten layer before it");
    return;
  }
  const int features = in.channels, out = layer.spec.out_features;
  if (!layer.need_at_least("out_features", out, 1)) return;
  layer.node.output = Shape::features(out);
  layer.parameter("weight", {out, features}, ParameterRole::weight, features, out);
  if (layer.spec.bias) layer.parameter("bias", {out}, ParameterRole::bias, features, out);
}

LayerWork work(const LayerNode& node) { return weighted_work(node, 1, 1); }

}  // namespace

LayerDefinition linear_definition() {
  LayerDefinition d;
  d.word = "linear";
  d.sentence = "Fully connected; needs features: put `flatten` before it. Keeps its input.";
  d.infer = infer;
  d.work = work;
  d.cost = &kBiasCost;
  d.computed_by<Linear>();
  d.make_fast = make_fast_linear;
  return d;
}

}  // namespace stagecoach
