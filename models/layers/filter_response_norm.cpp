// SPDX-License-Identifier: Apache-2.0
// Filter response normalisation with its thresholded linear unit.
#include <cmath>

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// y[c] = max(weight[c] x / sqrt(nu2[c] + |epsilon|) + bias[c], threshold[c]), nu2 the mean of x^2
/// over the channel's pixels, sample by sample (nothing is subtracted, no other channel is seen).
/// Epsilon is not learned. Where both sides of the maximum are equal the threshold gets the
/// gradient. As for every activation, which side won is what the forward pass saw, whatever the
/// weights of the backward pass.
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
    needs.saved_per_micro_batch = size();  // threshold of the forward pass
    needs.saved_per_sample = size();       // 1 / sqrt(nu2 + epsilon)
    needs.scratch = 3 * size();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    const T* threshold = args.parameters + 2 * size();
    if (args.saved) std::copy_n(threshold, size(), args.saved);
    for (int n = 0; n < args.output.batch; ++n) {
      const View<const T> x = sample(args.inputs[0], n);
      T* inverse = args.saved ? args.saved + (1 + n) * size() : args.scratch;
      for (std::int64_t c = 0; c < size(); c += kLanes<T>) {
        const Lanes<T> nu = root_mean_square(x, epsilon_, c);
        const WideLanes<T> nu2 = nu.template cast<double>().square();
        const Lanes<T> r = inverse_roots<T>(nu2 + epsilon_);
        const Lanes<T> scale = r * lanes(args.parameters + c);
        const Lanes<T> bias = lanes(args.parameters + size() + c), floor = lanes(threshold + c);
        lanes(inverse + c) = r;
        for_each_pixel(
            c, [&](auto x, auto y) { y = (scale * x + bias).max(floor); }, x,
            sample(args.output, n));
      }
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n) {
      const View<const T> x = sample(args.inputs[0], n), y = sample(args.output, n);
      const View<const T> g = sample(args.gradient_output, n);
      const View<T> dx = sample(args.gradient_inputs[0], n);
      for (std::int64_t c = 0; c < size(); c += kLanes<T>)
        channel_gradients(args, c, n, x, y, g, dx);
      if (args.gradient_parameters)
        give(numbers(args.gradient_parameters, 3 * size()), numbers(args.scratch, 3 * size()),
             args.accumulate_parameters || n > 0);
    }
  }

 private:
  std::int64_t size() const { return this->row_size(); }

  /// With a the gradient where the line won (above), g - a where the threshold did, xn = x inverse:
  ///   dweight = sum a xn,  dbias = sum a,  dthreshold = sum (g - a)
  ///   dx = weight inverse (a - xn mean(a xn))
  void channel_gradients(const BackwardArgs<T>& args, std::int64_t c, int n, const View<const T>& x,
                         const View<const T>& y, const View<const T>& g, const View<T>& dx) const {
    const Lanes<T> floor = lanes(args.saved + c), r = lanes(args.saved + (1 + n) * size() + c);
    const auto above = [&](const auto& y, const auto& g) {
      return lanes_where<T>(g, [&](int i) { return y[i] != floor[i]; });
    };
    const auto sums = pixel_sums<3>(
        c,
        [&](auto& sum, auto x, auto y, auto g) {
          const Lanes<T> a = above(y, g);
          sum[0] += a * (x * r);
          sum[1] += a;
          sum[2] += g - a;
        },
        x, y, g);
    for (int i = 0; i < 3; ++i) lanes(args.scratch + i * size() + c) = sums[i].template cast<T>();
    if (!dx) return;
    const Lanes<T> scale = lanes(args.parameters + c) * r;
    const Lanes<T> mean = (sums[0] / pixels_).template cast<T>();
    const bool add = args.accumulate[0];
    for_each_pixel(
        c,
        [&](auto x, auto y, auto g, auto dx) {
          give(dx, scale * (above(y, g) - x * r * mean), add);
        },
        x, y, g, dx);
  }

  double pixels_, epsilon_;
};

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
  d.computed_by<FilterResponseNorm>();
  d.normalized.values = [](const LayerNode& node) -> std::int64_t { return node.output.pixels(); };
  d.normalized.one_value =
      "a channel holds one value, which its own mean square divides: of the input its sign is "
      "left; leave the norm out here";
  return d;
}

}  // namespace stagecoach
