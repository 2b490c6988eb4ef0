// SPDX-License-Identifier: Apache-2.0
// Fully connected layer: a 1x1 convolution whose pixels are the samples of the micro-batch.
#include "models/layers/linear.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"
#include "models/kernels/conv_kernels.h"
#include "models/layers/definition.h"

namespace stagecoach {
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
  d.make_f32 = make_linear<float>;
  d.make_f64 = make_linear<double>;
  return d;
}

namespace {

/// The samples of a rank-1 value as the pixels of one image.
template <class T>
View<T> samples_as_pixels(const View<T>& v) {
  View<T> image = v;
  image.batch = 1;
  image.width = v.batch;
  image.pixel_stride = v.sample_stride;
  return image;
}

template <class T>
class Linear : public Layer<T> {
 public:
  explicit Linear(const LayerNode& node) {
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

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.scratch = std::max(conv_input_gradient_scratch<T>(geometry(1)),
                             conv_weight_gradient_scratch<T>(geometry(1)));
    return needs;
  }

  std::vector<ParameterSlot> slots() const override {
    std::vector<ParameterSlot> slots{{0, 0, weights()}};
    if (has_bias_) slots.push_back({1, weights(), padded<T>(out_)});
    return slots;
  }

  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override {
    T* target = block + slot.offset;
    for (std::int64_t i = 0; i < slot.size; ++i) target[i] = T(0);
    const int columns = slot.parameter == 1 ? 1 : in_;
    for (int o = 0; o < out_; ++o)
      for (int i = 0; i < columns; ++i)
        target[i * padded<T>(out_) + o] = pytorch[std::int64_t{1} * o * columns + i];
  }

  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override {
    const T* source = block + slot.offset;
    const int columns = slot.parameter == 1 ? 1 : in_;
    for (int o = 0; o < out_; ++o)
      for (int i = 0; i < columns; ++i)
        pytorch[std::int64_t{1} * o * columns + i] = source[i * padded<T>(out_) + o];
  }

  void forward(const ForwardArgs<T>& args) const override {
    conv_forward(geometry(args.output.batch), samples_as_pixels(args.inputs[0]), args.parameters,
                 has_bias_ ? args.parameters + weights() : nullptr, samples_as_pixels(args.output));
  }

  void backward(const BackwardArgs<T>& args) const override {
    const ConvGeometry g = geometry(args.gradient_output.batch);
    const View<const T> x = samples_as_pixels(args.inputs[0]);
    const View<const T> dy = samples_as_pixels(args.gradient_output);
    const View<T> dx = samples_as_pixels(args.gradient_inputs[0]);
    T* dw = args.gradient_parameters;
    const int slab = conv_backward_slab<T>(g);
    for (int c = 0; c < in_; c += slab) {
      const int count = std::min(slab, in_ - c);
      if (dx)
        conv_input_gradient(g, dy, args.parameters, c, count, args.accumulate[0], dx, args.scratch);
      if (dw || args.update)
        conv_weight_gradient(g, x, dy, c, count, args.accumulate_parameters, dw, args.update,
                             args.scratch);
    }
    if (has_bias_ && (dw || args.update))
      conv_bias_gradient(dy, args.accumulate_parameters, dw ? dw + weights() : nullptr, args.update,
                         weights());
  }

  bool fuses_update(int) const override { return true; }

 private:
  std::int64_t weights() const { return in_ * padded<T>(out_); }
  ConvGeometry geometry(int batch) const {
    ConvGeometry g;
    g.in_channels = in_;
    g.out_channels = out_;
    g.width = g.out_width = batch;
    g.weight_stride = padded<T>(out_);
    return g;
  }

  int in_ = 1;
  int out_ = 1;
  bool has_bias_ = false;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_linear(const LayerNode& node) {
  return std::make_unique<Linear<T>>(node);
}

template std::unique_ptr<Layer<float>> make_linear(const LayerNode&);
template std::unique_ptr<Layer<double>> make_linear(const LayerNode&);

}  // namespace stagecoach
