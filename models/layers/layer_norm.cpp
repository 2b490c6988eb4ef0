// SPDX-License-Identifier: Apache-2.0
// Layer normalisation.
#include "models/layers/layer_norm.h"

#include <algorithm>

#include "models/layers/definition.h"
#include "models/layers/lanes.h"
#include "models/layers/norm_kernels.h"

namespace stagecoach {
namespace {

constexpr ElementwiseCost kCost{"layer_norm", 6, 9, "Per element."};

void infer(LayerResolver& layer) {
  const Shape& in = layer.in();
  layer.norm(in.rank == 3 ? std::vector<int>{in.channels, in.height, in.width}
                          : std::vector<int>{in.channels});
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.input = true;
  kept.elements = 2;
  return elementwise_work(node, kCost, kept);
}

}  // namespace

LayerDefinition layer_norm_definition() {
  LayerDefinition d;
  d.word = "layer_norm";
  d.sentence = "Normalises all of each sample. Keeps its input and two statistics per sample.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.make_f32 = make_layer_norm<float>;
  d.make_f64 = make_layer_norm<double>;
  return d;
}

namespace {

template <class T>
class LayerNorm final : public Layer<T> {
 public:
  explicit LayerNorm(const LayerNode& node)
      : shape_(node.output), layout_(node.output, 0), epsilon_(node.spec.epsilon) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_sample = 2 * row();  // mean, 1 / standard deviation, for every channel
    needs.scratch = 2 * row();
    return needs;
  }

  std::vector<ParameterSlot> slots() const override {
    return {{0, 0, layout_.size(1)}, {1, layout_.size(1), layout_.size(1)}};
  }
  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override {
    std::fill_n(block + slot.offset, slot.size, T(0));
    for_each_element([&](std::int64_t at) { block[slot.offset + at] = *pytorch++; });
  }
  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override {
    for_each_element([&](std::int64_t at) { *pytorch++ = block[slot.offset + at]; });
  }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    for (int n = 0; n < x.batch; ++n) {
      T* mean = args.saved ? args.saved + n * 2 * row() : args.scratch;
      T* inverse = mean + row();
      channel_moments(x, {n, n + 1}, mean, inverse);
      group_statistics(shape_.channels, 1, shape_.pixels(), epsilon_, mean, inverse, mean, inverse);
      const T* weight = args.parameters;
      const T* bias = weight + layout_.size(1);
      for_each_lanes([&](int i, int j, std::int64_t c, std::int64_t element) {
        const Lanes<T> xn = (load_lanes<T>(x.pixel(n, i, j) + c) - load_lanes<T>(mean + c)) *
                            load_lanes<T>(inverse + c);
        store_lanes<T>(args.output.pixel(n, i, j) + c,
                       xn * load_lanes<T>(weight + element) + load_lanes<T>(bias + element));
      });
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n) {
      const T* mean = args.saved + n * 2 * row();
      if (args.gradient_parameters) parameter_gradient(args, n, mean, mean + row());
      if (args.gradient_inputs[0]) input_gradient(args, n, mean, mean + row());
    }
  }

 private:
  std::int64_t row() const { return layout_.pixel_stride; }

  /// Places of elements inside a slot, in PyTorch's order.
  template <class Body>
  void for_each_element(Body&& body) const {
    for (int c = 0; c < shape_.channels; ++c)
      for (std::int64_t pixel = 0; pixel < shape_.pixels(); ++pixel) body(pixel * row() + c);
  }

  template <class Body>
  void for_each_lanes(Body&& body) const {
    std::int64_t element = 0;
    for (int i = 0; i < shape_.height; ++i)
      for (int j = 0; j < shape_.width; ++j)
        for (std::int64_t c = 0; c < row(); c += kLanes<T>, element += kLanes<T>)
          body(i, j, c, element);
  }

  void parameter_gradient(const BackwardArgs<T>& args, int n, const T* mean,
                          const T* inverse) const {
    T* weight = args.gradient_parameters;
    T* bias = weight + layout_.size(1);
    const bool accumulate = args.accumulate_parameters || n > 0;
    for_each_lanes([&](int i, int j, std::int64_t c, std::int64_t element) {
      Lanes<T> g = load_lanes<T>(args.gradient_output.pixel(n, i, j) + c);
      Lanes<T> gx = g *
                    (load_lanes<T>(args.inputs[0].pixel(n, i, j) + c) - load_lanes<T>(mean + c)) *
                    load_lanes<T>(inverse + c);
      if (accumulate) {
        g += load_lanes<T>(bias + element);
        gx += load_lanes<T>(weight + element);
      }
      store_lanes<T>(bias + element, g);
      store_lanes<T>(weight + element, gx);
    });
  }

  /// dx = inverse (w g - mean(w g) - xn mean(w g xn)), xn = x normalised, means over the sample.
  void input_gradient(const BackwardArgs<T>& args, int n, const T* mean, const T* inverse) const {
    const View<const T>&x = args.inputs[0], &g = args.gradient_output;
    const T* weight = args.parameters;
    Lanes<T> sum{}, product{};  // pads add nothing: weight and g are zero there
    for_each_lanes([&](int i, int j, std::int64_t c, std::int64_t element) {
      const Lanes<T> wg = load_lanes<T>(weight + element) * load_lanes<T>(g.pixel(n, i, j) + c);
      sum += wg;
      product += wg * (load_lanes<T>(x.pixel(n, i, j) + c) - load_lanes<T>(mean + c));
    });
    T total = 0, total_product = 0;
    for (int lane = 0; lane < kLanes<T>; ++lane) {
      total += sum[lane];
      total_product += product[lane];
    }
    const T share = static_cast<T>(1.0 / static_cast<double>(shape_.elements()));
    const T slope = -inverse[0] * inverse[0] * total_product * share;
    const T shift = -total * share;
    const bool accumulate = args.accumulate[0];
    for_each_lanes([&](int i, int j, std::int64_t c, std::int64_t element) {
      const Lanes<T> r = load_lanes<T>(inverse + c);
      const Lanes<T> wg = load_lanes<T>(weight + element) * load_lanes<T>(g.pixel(n, i, j) + c);
      const Lanes<T> xc = load_lanes<T>(x.pixel(n, i, j) + c) - load_lanes<T>(mean + c);
      Lanes<T> d = r * (wg + shift + xc * slope);  // r is zero in pads
      T* to = args.gradient_inputs[0].pixel(n, i, j) + c;
      if (accumulate) d += load_lanes<T>(to);
      store_lanes<T>(to, d);
    });
  }

  Shape shape_;
  Layout<T> layout_;
  double epsilon_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_layer_norm(const LayerNode& node) {
  return std::make_unique<LayerNorm<T>>(node);
}

template std::unique_ptr<Layer<float>> make_layer_norm(const LayerNode&);
template std::unique_ptr<Layer<double>> make_layer_norm(const LayerNode&);

}  // namespace stagecoach
