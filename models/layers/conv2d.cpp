// SPDX-License-Identifier: Apache-2.0
// Two-dimensional convolution: geometry, parameter layout, and the choice of kernels.
#include "models/layers/conv2d.h"

#include <string>

#include "models/error.h"
#include "models/kernels/conv_plain.h"

namespace stagecoach {
namespace {

ConvGeometry checked_geometry(const LayerNode& node) {
  const LayerSpec& spec = node.spec;
  if (spec.kind != LayerKind::conv2d || node.input_shapes.size() != 1)
    throw ModelBug("conv2d: layer '" + spec.name + "' is no conv2d with one input");
  const Shape& in = node.input_shapes[0];
  ConvGeometry g;
  g.in_channels = in.channels;
  g.out_channels = node.output.channels;
  g.height = in.height;
  g.width = in.width;
  g.out_height = node.output.height;
  g.out_width = node.output.width;
  g.kernel = spec.kernel;
  g.stride = spec.stride ? spec.stride : 1;
  g.padding = spec.padding;
  g.groups = spec.groups;
  const bool sizes_fit = g.kernel > 0 && g.padding >= 0 && g.groups > 0 &&
                         g.in_channels % g.groups == 0 && g.out_channels % g.groups == 0 &&
                         in.rank == 3 &&
                         g.out_height == (g.height + 2 * g.padding - g.kernel) / g.stride + 1 &&
                         g.out_width == (g.width + 2 * g.padding - g.kernel) / g.stride + 1;
  if (!sizes_fit || node.parameters.size() != (spec.bias ? 2u : 1u))
    throw ModelBug("conv2d: the shapes of layer '" + spec.name + "' do not fit");
  return g;
}

template <class T>
class Conv2d : public Layer<T> {
 public:
  explicit Conv2d(const LayerNode& node) : geometry_(checked_geometry(node)) {
    geometry_.weight_stride = padded<T>(geometry_.out_channels);
    has_bias_ = node.spec.bias;
  }

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.input_halo = geometry_.padding;
    needs.backward_reads_input = true;
    return needs;
  }

  std::vector<ParameterSlot> slots() const override {
    const std::int64_t weights = geometry_.weight_elements();
    std::vector<ParameterSlot> slots{{0, 0, weights}};
    if (has_bias_) slots.push_back({1, weights, geometry_.weight_stride});
    return slots;
  }

  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override {
    T* target = block + slot.offset;
    for (std::int64_t i = 0; i < slot.size; ++i) target[i] = T(0);
    if (slot.parameter == 1) {
      for (int o = 0; o < geometry_.out_channels; ++o) target[o] = pytorch[o];
      return;
    }
    for (std::int64_t i = 0; i < pytorch_elements(); ++i) target[engine_index(i)] = pytorch[i];
  }

  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override {
    const T* source = block + slot.offset;
    if (slot.parameter == 1) {
      for (int o = 0; o < geometry_.out_channels; ++o) pytorch[o] = source[o];
      return;
    }
    for (std::int64_t i = 0; i < pytorch_elements(); ++i) pytorch[i] = source[engine_index(i)];
  }

  void forward(const ForwardArgs<T>& args) const override {
    conv_plain_forward(geometry_, args.inputs[0], args.parameters, bias(args.parameters),
                       args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (args.gradient_inputs[0])
      conv_plain_input_gradient(geometry_, args.gradient_output, args.parameters,
                                args.accumulate[0], args.gradient_inputs[0]);
    if (!args.gradient_parameters) return;
    conv_plain_weight_gradient(geometry_, args.inputs[0], args.gradient_output,
                               args.accumulate_parameters, args.gradient_parameters);
    if (has_bias_)
      conv_bias_gradient(args.gradient_output, args.accumulate_parameters,
                         args.gradient_parameters + geometry_.weight_elements());
  }

 private:
  const T* bias(const T* block) const {
    return has_bias_ ? block + geometry_.weight_elements() : nullptr;
  }
  std::int64_t pytorch_elements() const { return geometry_.weight_rows() * geometry_.out_channels; }
  /// Where element i of [out][in/groups][kernel][kernel] lies in the engine's layout.
  std::int64_t engine_index(std::int64_t i) const {
    const std::int64_t tap = i % geometry_.taps();
    const std::int64_t channel = i / geometry_.taps() % geometry_.group_in();
    const std::int64_t out = i / geometry_.taps() / geometry_.group_in();
    return (tap * geometry_.group_in() + channel) * geometry_.weight_stride + out;
  }

  ConvGeometry geometry_;
  bool has_bias_ = false;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_conv2d(const LayerNode& node) {
  return std::make_unique<Conv2d<T>>(node);
}

template std::unique_ptr<Layer<float>> make_conv2d(const LayerNode&);
template std::unique_ptr<Layer<double>> make_conv2d(const LayerNode&);

}  // namespace stagecoach
