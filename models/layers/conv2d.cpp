// SPDX-License-Identifier: Apache-2.0
// Two-dimensional convolution: geometry, parameter layout, and the choice of kernels.
#include "models/layers/conv2d.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"
#include "models/kernels/conv_kernels.h"
#include "models/kernels/conv_plain.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

void infer(LayerResolver& layer) {
  LayerSpec& spec = layer.spec;
  if (spec.stride == 0) spec.stride = 1;
  if (!layer.need_image()) return;
  const bool ok = layer.need_at_least("out_channels", spec.out_channels, 1) &
                  layer.need_at_least("kernel", spec.kernel, 1) &
                  layer.need_at_least("stride", spec.stride, 1) &
                  layer.need_at_least("padding", spec.padding, 0) &
                  layer.need_at_least("groups", spec.groups, 1);
  if (!ok) return;
  const int in = layer.in().channels, out = spec.out_channels;
  if (in % spec.groups || out % spec.groups) {
    layer.issue("groups", "found " + std::to_string(spec.groups) + "; it must divide the input's " +
                              std::to_string(in) + " channels and the " + std::to_string(out) +
                              " output channels");
    return;
  }
  layer.slide_window(out);
  if (layer.node.output.channels == 0) return;
  const int taps = spec.kernel * spec.kernel;
  const int fan_in = in / spec.groups * taps, fan_out = out / spec.groups * taps;
  layer.parameter("weight", {out, in / spec.groups, spec.kernel, spec.kernel},
                  ParameterRole::weight, fan_in, fan_out);
  if (spec.bias) layer.parameter("bias", {out}, ParameterRole::bias, fan_in, fan_out);
}

LayerWork work(const LayerNode& node) {
  return weighted_work(node, node.spec.groups, node.spec.kernel);
}

}  // namespace

LayerDefinition conv2d_definition() {
  LayerDefinition d;
  d.word = "conv2d";
  d.sentence = "Convolution of an image with square kernels. Keeps its input.";
  d.infer = infer;
  d.work = work;
  d.cost = &kBiasCost;
  d.make_f32 = make_conv2d<float>;
  d.make_f64 = make_conv2d<double>;
  return d;
}

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
    tiled_ = tiles_serve<T>(geometry_);
  }

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.input_halo = geometry_.padding;
    needs.backward_reads_input = true;
    if (!tiled_) return needs;
    needs.gradient_halo = conv_gradient_halo(geometry_);
    needs.scratch = std::max(conv_input_gradient_scratch<T>(geometry_),
                             conv_weight_gradient_scratch<T>(geometry_));
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
    const T* bias = has_bias_ ? args.parameters + geometry_.weight_elements() : nullptr;
    const auto run = tiled_ ? conv_forward<T> : conv_plain_forward<T>;
    run(geometry_, args.inputs[0], args.parameters, bias, args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    const ConvGeometry& g = geometry_;
    const View<const T>& x = args.inputs[0];
    const View<const T>& dy = args.gradient_output;
    const View<T>& dx = args.gradient_inputs[0];
    T* dw = args.gradient_parameters;
    if (!tiled_) {
      if (dx) conv_plain_input_gradient(g, dy, args.parameters, args.accumulate[0], dx);
      if (dw) conv_plain_weight_gradient(g, x, dy, args.accumulate_parameters, dw);
    } else {
      const int slab = conv_backward_slab<T>(g);
      for (int c = 0; c < g.in_channels; c += slab) {
        const int count = std::min(slab, g.in_channels - c);
        if (dx)
          conv_input_gradient(g, dy, args.parameters, c, count, args.accumulate[0], dx,
                              args.scratch);
        if (dw || args.update)
          conv_weight_gradient(g, x, dy, c, count, args.accumulate_parameters, dw, args.update,
                               args.scratch);
      }
    }
    if (has_bias_ && (dw || args.update))
      conv_bias_gradient(dy, args.accumulate_parameters, dw ? dw + g.weight_elements() : nullptr,
                         args.update, g.weight_elements());
  }

  bool fuses_update(int) const override { return tiled_; }

 private:
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
  bool tiled_ = true;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_conv2d(const LayerNode& node) {
  return std::make_unique<Conv2d<T>>(node);
}

template std::unique_ptr<Layer<float>> make_conv2d(const LayerNode&);
template std::unique_ptr<Layer<double>> make_conv2d(const LayerNode&);

}  // namespace stagecoach
