// SPDX-License-Identifier: Apache-2.0
// Layer normalisation.
#include <algorithm>
#include <cmath>

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// y = weight (x - mean) / sqrt(var + epsilon) + bias, mean and biased variance over all of a
/// sample, weight and bias elementwise: shape [C,H,W] (or [F]), as nn.LayerNorm([C,H,W]) has it.
/// (One scale per channel instead: group_norm with one group.)
/// Moments as those of one group; weights lie like a sample.
template <class T>
class LayerNorm final : public MomentNorm<T> {
 public:
  explicit LayerNorm(const LayerNode& node)
      : MomentNorm<T>(node, 1), shape_(node.output), layout_(node.output, 0) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_sample = this->kStatistics * this->row_size();
    needs.scratch = this->kStatistics * this->row_size();
    return needs;
  }

  std::vector<ParameterSlot> slots() const override {
    return {{0, 0, layout_.size(1)}, {1, layout_.size(1), layout_.size(1)}};
  }
  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override {
    std::fill_n(block + slot.offset, slot.size, T(0));
    elements(block + slot.offset) = pytorch_elements(pytorch).transpose();
  }
  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override {
    pytorch_elements(pytorch) = elements(block + slot.offset).transpose();
  }

  /// y = weight xn + bias,  xn = (x - mean) inverse
  void forward(const ForwardArgs<T>& args) const override {
    for (int n = 0; n < args.output.batch; ++n) {
      const View<const T> x = sample(args.inputs[0], n);
      T* statistics =
          args.saved ? args.saved + n * this->kStatistics * this->row_size() : args.scratch;
      this->channel_statistics(x, statistics);
      this->group_statistics(statistics);
      const auto xn = of_sample(statistics);
      for_each_lanes([&](auto x, auto w, auto b, auto y) { y = xn(x) * w + b; }, x,
                     layout_.view(args.parameters, 1),
                     layout_.view(args.parameters + layout_.size(1), 1), sample(args.output, n));
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n) {
      const T* statistics = args.saved + n * this->kStatistics * this->row_size();
      const auto xn = of_sample(statistics);
      if (args.gradient_parameters) parameter_gradients(args, n, xn);
      if (args.gradient_inputs[0]) input_gradient(args, n, xn);
    }
  }

 private:
  using Normalized = typename ChannelNorm<T>::template Normalized<T>;

  Normalized of_sample(const T* statistics) const {
    return {statistics[0], statistics[this->row_size()], statistics[2 * this->row_size()]};
  }

  /// dweight = g xn,  dbias = g
  void parameter_gradients(const BackwardArgs<T>& args, int n, const Normalized& xn) const {
    const bool add = args.accumulate_parameters || n > 0;
    for_each_lanes(
        [&](auto x, auto g, auto dw, auto db) {
          give(dw, g * xn(x), add);
          give(db, g, add);
        },
        sample(args.inputs[0], n), sample(args.gradient_output, n),
        layout_.view(args.gradient_parameters, 1),
        layout_.view(args.gradient_parameters + layout_.size(1), 1));
  }

  /// dx = inverse (w g - mean(w g) - xn mean(w g xn)), means over the sample. Pads: w and g are 0.
  void input_gradient(const BackwardArgs<T>& args, int n, const Normalized& xn) const {
    const View<const T> x = sample(args.inputs[0], n), g = sample(args.gradient_output, n);
    const View<const T> w = layout_.view(args.parameters, 1);
    double mean_wg = 0, mean_wgxn = 0;
    for (std::int64_t c = 0; c < this->row_size(); c += kLanes<T>) {
      const auto sums = pixel_sums<2>(
          c,
          [&](auto& sum, auto x, auto g, auto w) {
            sum[0] += w * g;
            sum[1] += w * g * xn(x);
          },
          x, g, w);
      mean_wg += sums[0].sum();
      mean_wgxn += sums[1].sum();
    }
    const T shift = static_cast<T>(mean_wg / static_cast<double>(shape_.elements()));
    const T slope = static_cast<T>(mean_wgxn / static_cast<double>(shape_.elements()));
    const bool add = args.accumulate[0];
    for (std::int64_t c = 0; c < this->row_size(); c += kLanes<T>) {
      Lanes<T> real;  // no pad lane gets a gradient
      for (int i = 0; i < kLanes<T>; ++i) real[i] = c + i < this->channels() ? xn.inverse : T(0);
      for_each_pixel(
          c,
          [&](auto x, auto g, auto w, auto dx) {
            give(dx, real * (w * g - shift - slope * xn(x)), add);
          },
          x, g, w, sample(args.gradient_inputs[0], n));
    }
  }

  /// Channels by pixels of a slot, and pixels by channels as PyTorch has them.
  template <class U>
  MatrixMap<U> elements(U* slot) const {
    return {slot, shape_.channels, shape_.pixels(), Eigen::OuterStride<>(this->row_size())};
  }
  template <class U>
  MatrixMap<U> pytorch_elements(U* values) const {
    return {values, shape_.pixels(), shape_.channels, Eigen::OuterStride<>(shape_.pixels())};
  }

  Shape shape_;
  Layout<T> layout_;
};

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
  d.computed_by<LayerNorm>();
  d.normalized.values = [](const LayerNode& node) -> std::int64_t {
    return node.output.elements();
  };
  d.normalized.one_value =
      "a sample holds one value, which its own mean takes away: whatever the input, the output is "
      "the layer's bias; leave the norm out here";
  return d;
}

}  // namespace stagecoach
