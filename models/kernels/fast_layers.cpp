// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers on register tiles.
#include "models/kernels/fast_layers.h"

#include <algorithm>

#include "models/kernels/conv_kernels.h"
#include "models/layers/conv2d.h"
#include "models/layers/linear.h"
#include "models/layers/panels.h"

namespace stagecoach {
namespace {

std::int64_t scratch_of(const ConvGeometry& g) {
  return std::max(
      {conv_forward_scratch(g), conv_input_gradient_scratch(g), conv_weight_gradient_scratch(g)});
}

/// Input and weight gradient, or the weights' update, a slab of input channels at a time, so that
/// their weights stay in the cache. `scratch`: scratch_of().
void gradients(const ConvGeometry& g, const BackwardArgs<float>& args, const View<const float>& x,
               const View<const float>& dy, const View<float>& dx, float* scratch) {
  float* const dw = args.gradient_parameters;
  const int slab = conv_backward_slab(g);
  for (int c = 0; c < g.in_channels; c += slab) {
    const int count = std::min(slab, g.in_channels - c);
    if (dx) conv_input_gradient(g, dy, args.parameters, c, count, args.accumulate[0], dx, scratch);
    if (dw || args.update)
      conv_weight_gradient(g, x, dy, 0, dy.batch * g.out_height, c, count,
                           args.accumulate_parameters, dw, args.update, scratch);
  }
}

/// The bias, which follows `weights` elements in the block: its gradient, or its update.
void learn_bias(const BackwardArgs<float>& args, std::int64_t weights, float* scratch) {
  if (args.gradient_parameters)
    return sum_of_pixels(args.gradient_output, args.gradient_parameters + weights,
                         args.accumulate_parameters);
  if (!args.update) return;
  sum_of_pixels(args.gradient_output, scratch, false);
  const FusedUpdate<float>& u = *args.update;
  update_linearly(u.coefficients[1], padded<float>(args.gradient_output.channels), scratch,
                  u.weights + weights, u.velocity + weights,
                  u.predicted ? u.predicted + weights : nullptr);
}

class FastConv2d final : public Conv2d<float> {
 public:
  using Conv2d::Conv2d;

  LayerNeeds needs() const override {
    LayerNeeds needs = Conv2d::needs();
    const ConvGeometry& g = geometry();
    needs.gradient_halo = conv_gradient_halo(g);
    needs.scratch = scratch_of(g) + panel_scratch(g.out_pixels(), g.weight_elements());
    return needs;
  }

  void forward(const ForwardArgs<float>& args) const override {
    const ConvGeometry& g = geometry();
    conv_forward(g, args.inputs[0], args.parameters,
                 has_bias() ? args.parameters + g.weight_elements() : nullptr, args.output,
                 args.scratch);
  }

  void backward(const BackwardArgs<float>& args) const override {
    const ConvGeometry& g = geometry();
    if (g.out_pixels() <= kPanelPixels) {
      gradients(g, args, args.inputs[0], args.gradient_output, args.gradient_inputs[0],
                args.scratch);
    } else {
      BackwardArgs<float> input_only = args;
      input_only.gradient_parameters = nullptr;
      gradients(g, input_only, args.inputs[0], args.gradient_output, args.gradient_inputs[0],
                args.scratch);
      if (args.gradient_parameters) large_weight_gradient(args);
    }
    if (has_bias()) learn_bias(args, g.weight_elements(), args.scratch);
  }

  bool fuses_update(int samples) const override { return conv_fuses_update(geometry(), samples); }

 private:
  void large_weight_gradient(const BackwardArgs<float>& args) const {
    const ConvGeometry& g = geometry();
    sum_panels(args.gradient_output.batch, g.out_height, g.out_width, g.weight_elements(),
               args.gradient_parameters, args.accumulate_parameters, args.scratch + scratch_of(g),
               [&](int first_row, int rows, float* gradient, bool add) {
                 conv_weight_gradient(g, args.inputs[0], args.gradient_output, first_row, rows, 0,
                                      g.in_channels, add, gradient, nullptr, args.scratch);
               });
  }
};

/// A 1x1 convolution whose pixels are the samples of the micro-batch.
class FastLinear final : public Linear<float> {
 public:
  using Linear::Linear;

  LayerNeeds needs() const override {
    LayerNeeds needs = Linear::needs();
    needs.scratch = scratch_of(geometry(1));
    return needs;
  }

  void forward(const ForwardArgs<float>& args) const override {
    conv_forward(geometry(args.output.batch), samples_as_pixels(args.inputs[0]), args.parameters,
                 has_bias() ? args.parameters + weights() : nullptr, samples_as_pixels(args.output),
                 args.scratch);
  }

  void backward(const BackwardArgs<float>& args) const override {
    gradients(geometry(args.gradient_output.batch), args, samples_as_pixels(args.inputs[0]),
              samples_as_pixels(args.gradient_output), samples_as_pixels(args.gradient_inputs[0]),
              args.scratch);
    if (has_bias()) learn_bias(args, weights(), args.scratch);
  }

  bool fuses_update(int samples) const override { return conv_fuses_update(geometry(samples), 1); }

 private:
  template <class T>
  static View<T> samples_as_pixels(const View<T>& v) {
    View<T> image = v;
    image.batch = 1;
    image.width = v.batch;
    image.pixel_stride = v.sample_stride;
    return image;
  }

  ConvGeometry geometry(int batch) const {
    ConvGeometry g;
    g.in_channels = in();
    g.out_channels = out();
    g.width = g.out_width = batch;
    g.weight_stride = padded<float>(out());
    return g;
  }
};

}  // namespace

std::unique_ptr<Layer<float>> make_fast_conv2d(const LayerNode& node) {
  if (node.spec.groups > 1) return nullptr;
  return std::make_unique<FastConv2d>(node);
}

std::unique_ptr<Layer<float>> make_fast_linear(const LayerNode& node) {
  return std::make_unique<FastLinear>(node);
}

}  // namespace stagecoach
