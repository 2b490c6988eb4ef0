// SPDX-License-Identifier: Apache-2.0
// Filter response normalisation with its thresholded linear unit.
#include "models/layers/filter_response_norm.h"

#include <cmath>

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"
#include "models/layers/lanes.h"

namespace stagecoach {
namespace {

constexpr ElementwiseCost kCost{"filter_response_norm", 5, 8, "Per element."};

void infer(LayerResolver& layer) {
  if (!layer.need_image()) return;
  const int channels = layer.in().channels;
  layer.norm({channels});
  layer.parameter("threshold", {channels}, ParameterRole::norm_shift);
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.input = true;
  kept.elements = node.output.channels;
  return elementwise_work(node, kCost, kept);
}

}  // namespace

LayerDefinition filter_response_norm_definition() {
  LayerDefinition d;
  d.word = "filter_response_norm";
  d.sentence =
      "Divides by the root mean square; thresholded linear unit after it. Keeps its input and one "
      "statistic per channel.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.make_f32 = make_filter_response_norm<float>;
  d.make_f64 = make_filter_response_norm<double>;
  return d;
}

namespace {

template <class T>
class FilterResponseNorm final : public ChannelNorm<T> {
 public:
  explicit FilterResponseNorm(const LayerNode& node)
      : ChannelNorm<T>(node),
        pixels_(static_cast<double>(node.output.pixels())),
        epsilon_(std::abs(node.spec.epsilon)) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.backward_reads_output = true;
    needs.saved_per_micro_batch = row();  // threshold of the forward pass
    needs.saved_per_sample = row();       // 1 / sqrt(nu2 + epsilon)
    needs.scratch = 3 * row();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    const T* threshold = args.parameters + 2 * row();
    if (args.saved) std::copy_n(threshold, row(), args.saved);
    for (int n = 0; n < args.output.batch; ++n) {
      T* inverse = args.saved ? args.saved + (1 + n) * row() : args.scratch;
      mean_squares(args.inputs[0], n, inverse);
      for (int c = 0; c < this->channels(); ++c)
        inverse[c] = static_cast<T>(1.0 / std::sqrt(inverse[c] + epsilon_));
      std::fill(inverse + this->channels(), inverse + row(), T(0));
      for (std::int64_t c = 0; c < row(); c += kLanes<T>) {
        const Lanes<T> scale = load_lanes<T>(inverse + c) * load_lanes<T>(args.parameters + c);
        const Lanes<T> bias = load_lanes<T>(args.parameters + row() + c);
        const Lanes<T> floor = load_lanes<T>(threshold + c);
        for_each_pixel(
            {n, n + 1}, c,
            [&](int, const T* x, T* y) {
              const Lanes<T> v = load_lanes<T>(x) * scale + bias;
              store_lanes<T>(y, v < floor ? floor : v);  // NaN stays NaN
            },
            args.inputs[0], args.output);
      }
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n) {
      const T* inverse = args.saved + (1 + n) * row();
      gradient_sums(args, n, inverse);
      if (args.gradient_parameters) {
        const bool accumulate = args.accumulate_parameters || n > 0;
        for (int i = 0; i < 3; ++i)
          this->give_row(args.scratch + i * row(), args.gradient_parameters + i * row(),
                         accumulate);
      }
      if (args.gradient_inputs[0]) input_gradient(args, n, inverse);
    }
  }

 private:
  using ChannelNorm<T>::row;

  void mean_squares(const View<const T>& x, int n, T* squares) const {
    for (std::int64_t c = 0; c < row(); c += kLanes<T>) {
      Lanes<T> sum[kChains]{};
      for_each_pixel(
          {n, n + 1}, c,
          [&](int k, const T* p) {
            const Lanes<T> v = load_lanes<T>(p);
            sum[k] += v * v;
          },
          x);
      store_lanes<T>(squares + c, total<T>(sum) / static_cast<T>(pixels_));
    }
  }

  /// Scratch rows: sums of g x_normalised and of g where the line won, of g where the threshold
  /// did.
  void gradient_sums(const BackwardArgs<T>& args, int n, const T* inverse) const {
    for (std::int64_t c = 0; c < row(); c += kLanes<T>) {
      const Lanes<T> floor = load_lanes<T>(args.saved + c);
      Lanes<T> gx[kChains]{}, above[kChains]{}, below[kChains]{};
      for_each_pixel(
          {n, n + 1}, c,
          [&](int k, const T* x, const T* y, const T* dy) {
            const Lanes<T> g = load_lanes<T>(dy);
            const Lanes<T> passed = load_lanes<T>(y) > floor ? g : Lanes<T>{};
            gx[k] += passed * load_lanes<T>(x);
            above[k] += passed;
            below[k] += g - passed;
          },
          args.inputs[0], args.output, args.gradient_output);
      store_lanes<T>(args.scratch + c, total<T>(gx) * load_lanes<T>(inverse + c));
      store_lanes<T>(args.scratch + row() + c, total<T>(above));
      store_lanes<T>(args.scratch + 2 * row() + c, total<T>(below));
    }
  }

  /// dx = weight inverse (g - xn mean(g xn)), g where the line won, xn = x inverse.
  void input_gradient(const BackwardArgs<T>& args, int n, const T* inverse) const {
    const bool accumulate = args.accumulate[0];
    for (std::int64_t c = 0; c < row(); c += kLanes<T>) {
      const Lanes<T> floor = load_lanes<T>(args.saved + c), r = load_lanes<T>(inverse + c);
      const Lanes<T> scale = load_lanes<T>(args.parameters + c) * r;
      const Lanes<T> slope = -scale * r * load_lanes<T>(args.scratch + c) / static_cast<T>(pixels_);
      for_each_pixel(
          {n, n + 1}, c,
          [&](int, const T* x, const T* y, const T* dy, T* dx) {
            const Lanes<T> g = load_lanes<T>(y) > floor ? load_lanes<T>(dy) : Lanes<T>{};
            Lanes<T> d = g * scale + load_lanes<T>(x) * slope;
            if (accumulate) d += load_lanes<T>(dx);
            store_lanes<T>(dx, d);
          },
          args.inputs[0], args.output, args.gradient_output, args.gradient_inputs[0]);
    }
  }

  double pixels_, epsilon_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_filter_response_norm(const LayerNode& node) {
  return std::make_unique<FilterResponseNorm<T>>(node);
}

template std::unique_ptr<Layer<float>> make_filter_response_norm(const LayerNode&);
template std::unique_ptr<Layer<double>> make_filter_response_norm(const LayerNode&);

}  // namespace stagecoach
