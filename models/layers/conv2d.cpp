// SPDX-License-Identifier: Apache-2.0
// Two-dimensional convolution: patches and matrix products, a band of rows at a time.
#include "models/layers/conv2d.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"
#include "models/kernels/fast_layers.h"
#include "models/layers/definition.h"
#include "models/layers/panels.h"
#include "models/layers/patches.h"

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

}  // namespace

template <class T>
Conv2d<T>::Conv2d(const LayerNode& node)
    : geometry_(checked_geometry(node)), has_bias_(node.spec.bias) {
  geometry_.weight_stride = padded<T>(geometry_.out_channels);
}

template <class T>
LayerNeeds Conv2d<T>::needs() const {
  LayerNeeds needs;
  needs.input_halo = geometry_.padding;
  needs.backward_reads_input = true;
  needs.scratch = Patches<T>::scratch(geometry_) +
                  panel_scratch(geometry_.out_pixels(), geometry_.weight_elements());
  return needs;
}

template <class T>
std::vector<ParameterSlot> Conv2d<T>::slots() const {
  const std::int64_t weights = geometry_.weight_elements();
  std::vector<ParameterSlot> slots{{0, 0, weights}};
  if (has_bias_) slots.push_back({1, weights, geometry_.weight_stride});
  return slots;
}

template <class T>
void Conv2d<T>::import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const {
  T* target = block + slot.offset;
  std::fill_n(target, slot.size, T(0));
  if (slot.parameter == 1)
    std::copy_n(pytorch, geometry_.out_channels, target);
  else
    for (std::int64_t i = 0; i < pytorch_elements(); ++i) target[engine_index(i)] = pytorch[i];
}

template <class T>
void Conv2d<T>::export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const {
  const T* source = block + slot.offset;
  if (slot.parameter == 1)
    std::copy_n(source, geometry_.out_channels, pytorch);
  else
    for (std::int64_t i = 0; i < pytorch_elements(); ++i) pytorch[i] = source[engine_index(i)];
}

/// Where element i of [out][in/groups][kernel][kernel] lies in the engine's layout.
template <class T>
std::int64_t Conv2d<T>::engine_index(std::int64_t i) const {
  const std::int64_t tap = i % geometry_.taps();
  const std::int64_t channel = i / geometry_.taps() % geometry_.group_in();
  const std::int64_t out = i / geometry_.taps() / geometry_.group_in();
  return (tap * geometry_.group_in() + channel) * geometry_.weight_stride + out;
}

template <class T>
template <class U>
MatrixMap<U> Conv2d<T>::matrix(U* block, int group) const {
  const ConvGeometry& g = geometry_;
  return {block + group * g.group_out(), g.group_out(), g.weight_rows(),
          Eigen::OuterStride<>(g.weight_stride)};
}

template <class T>
void Conv2d<T>::forward(const ForwardArgs<T>& args) const {
  const ConvGeometry& g = geometry_;
  const Patches<T> bands(g, args.scratch);
  const T* bias = has_bias_ ? args.parameters + g.weight_elements() : nullptr;
  bands.for_each_band({0, args.output.batch * g.out_height}, [&](Band band) {
    for (int k = 0; k < g.groups; ++k) {
      const auto x = bands.gather(args.inputs[0], band, k);
      auto y = bands.outputs(band);
      product(y, matrix(args.parameters, k), x, false, bands.product_scratch());
      if (bias) y.colwise() += numbers(bias + k * g.group_out(), g.group_out()).matrix();
      bands.for_each_output_row(y, args.output, band, k, [](auto y, auto to) { to = y; });
    }
  });
  clear_pads(args.output);
}

template <class T>
void Conv2d<T>::backward(const BackwardArgs<T>& args) const {
  const ConvGeometry& g = geometry_;
  const Patches<T> bands(g, args.scratch);
  const View<T>& dx = args.gradient_inputs[0];
  if (dx && !args.accumulate[0]) for_each_lanes([](auto x) { x.setZero(); }, dx);
  const auto gradients = [&](int first, int rows, T* to, bool add) {
    bands.for_each_band({first, rows}, [&](Band band) {
      for (int k = 0; k < g.groups; ++k) {
        const auto dy = bands.outputs(band);
        bands.for_each_output_row(dy, args.gradient_output, band, k,
                                  [](auto dy, auto from) { dy = from; });
        if (to) {
          const auto x = bands.gather(args.inputs[0], band, k);
          product(matrix(to, k), dy, x.transpose(), add || band.first > first,
                  bands.product_scratch());
        }
        if (!dx) continue;
        auto patches = bands.patches(band);
        product(patches, matrix(args.parameters, k).transpose(), dy, false,
                bands.product_scratch());
        bands.scatter(patches, band, k, dx);
      }
    });
  };
  if (args.gradient_parameters)
    sum_panels(args.gradient_output.batch, g.out_height, g.out_width, g.weight_elements(),
               args.gradient_parameters, args.accumulate_parameters,
               args.scratch + Patches<T>::scratch(g), gradients);
  else
    gradients(0, args.gradient_output.batch * g.out_height, nullptr, false);
  bias_gradient(args);
}

template <class T>
void Conv2d<T>::bias_gradient(const BackwardArgs<T>& args) const {
  if (has_bias_ && args.gradient_parameters)
    sum_of_pixels(args.gradient_output, args.gradient_parameters + geometry_.weight_elements(),
                  args.accumulate_parameters);
}

namespace {

/// Every channel is a group: taps go over all channels side by side.
template <class T>
class DepthwiseConv2d final : public Conv2d<T> {
 public:
  using Conv2d<T>::Conv2d;

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    const T* bias = this->has_bias() ? args.parameters + geometry().weight_elements() : nullptr;
    for (std::int64_t c = 0; c < geometry().weight_stride; c += kLanes<T>) {
      const Lanes<T> b = bias ? Lanes<T>(lanes(bias + c)) : Lanes<T>(Lanes<T>::Zero());
      for_each_pixel(
          c, [&](auto y) { y = b; }, args.output);
    }
    for_each_tap(args.inputs[0], args.output, [&](std::int64_t at, auto x, auto y) {
      const Lanes<T> w = lanes(args.parameters + at);
      for_each_pixel(
          channel(at), [&](auto x, auto y) { y += w * x; }, x, y);
    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (dx && !args.accumulate[0]) for_each_lanes([](auto x) { x.setZero(); }, dx);
    if (dx)
      for_each_tap(dx, args.gradient_output, [&](std::int64_t at, auto dx, auto dy) {
        const Lanes<T> w = lanes(args.parameters + at);
        for_each_pixel(
            channel(at), [&](auto dx, auto dy) { dx += w * dy; }, dx, dy);
      });
    if (T* dw = args.gradient_parameters) {
      const bool add = args.accumulate_parameters;
      for_each_tap(args.inputs[0], args.gradient_output, [&](std::int64_t at, auto x, auto dy) {
        const auto sums = pixel_sums<1>(
            channel(at), [](auto& sum, auto x, auto dy) { sum[0] += x * dy; }, x, dy);
        give(lanes(dw + at), sums[0].template cast<T>(), add);
      });
      this->bias_gradient(args);
    }
  }

 private:
  const ConvGeometry& geometry() const { return Conv2d<T>::geometry(); }
  std::int64_t channel(std::int64_t at) const { return at % geometry().weight_stride; }

  /// Calls body(place of the weights, input pixels, output pixels) for every tap and vector of
  /// channels, with the pixels on the image that the tap joins.
  template <class X, class Y, class Body>
  void for_each_tap(const View<X>& x, const View<Y>& y, Body&& body) const {
    const ConvGeometry& g = geometry();
    for (int t = 0; t < g.taps(); ++t) {
      const int p = t / g.kernel, q = t % g.kernel;
      const auto rows = g.range_of_tap(p, g.height, g.out_height);
      const auto columns = g.range_of_tap(q, g.width, g.out_width);
      View<X> in = x;
      View<Y> out = y;
      in.height = out.height = rows.end - rows.begin;
      in.width = out.width = columns.end - columns.begin;
      in.data = x.pixel(0, rows.begin * g.stride + p - g.padding,
                        columns.begin * g.stride + q - g.padding);
      out.data = y.pixel(0, rows.begin, columns.begin);
      in.row_stride *= g.stride;
      in.pixel_stride *= g.stride;
      for (std::int64_t c = 0; c < g.weight_stride; c += kLanes<T>)
        body(t * g.weight_stride + c, in, out);
    }
  }
};

template <class T>
std::unique_ptr<Layer<T>> make_conv2d(const LayerNode& node) {
  const bool depthwise = node.spec.groups > 1 && node.output.channels == node.spec.groups &&
                         node.input_shapes[0].channels == node.spec.groups;
  if (depthwise) return std::make_unique<DepthwiseConv2d<T>>(node);
  return std::make_unique<Conv2d<T>>(node);
}

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

template class Conv2d<float>;
template class Conv2d<double>;

LayerDefinition conv2d_definition() {
  LayerDefinition d;
  d.word = "conv2d";
  d.sentence = "Convolution of an image with square kernels. Keeps its input.";
  d.infer = infer;
  d.work = work;
  d.cost = &kBiasCost;
  d.make_f32 = make_conv2d<float>;
  d.make_f64 = make_conv2d<double>;
  d.make_fast = make_fast_conv2d;
  return d;
}

}  // namespace stagecoach
