// SPDX-License-Identifier: Apache-2.0
// Online normalisation with layer scaling.
#include <cmath>

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// Normalises each sample with the running statistics of the samples before it, per channel:
///
///   yn = (x - mu) / sqrt(var + epsilon)                      mu, var: before this sample
///   a  = weight yn + bias
///   y  = a / sqrt(mean(a^2) + epsilon)                       layer scaling: mean over the sample
///   var = f var + (1-f) var(x) + f (1-f) (mean(x) - mu)^2,   mu = f mu + (1-f) mean(x)
///
/// with f = forward_decay. The gradient that this would need, through all samples past, is replaced
/// by a control process (b = backward_decay; v = control_y, u = control_1; g: gradient by yn):
///
///   g' = g - (1-b) v yn,                       v += mean(g' yn)
///   dx = g' / sqrt(var + epsilon) - (1-b) u,   u += mean(dx)
///
/// Samples of a micro-batch go one after another in both passes, so micro-batches of any size mean
/// the same in the forward pass. With v = u = 0, dx is the exact gradient at fixed mu and var.
/// Evaluation uses the running statistics and leaves them alone.
template <class T>
class OnlineNorm final : public ChannelNorm<T> {
 public:
  explicit OnlineNorm(const LayerNode& node)
      : ChannelNorm<T>(node),
        pixels_(static_cast<double>(node.output.pixels())),
        elements_(static_cast<double>(node.output.elements())),
        epsilon_(node.spec.epsilon),
        forward_decay_(node.spec.forward_decay),
        leak_(1 - node.spec.backward_decay) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.backward_reads_output = true;
    needs.saved_per_sample = kSaved * size();
    needs.scratch = (3 + kSaved) * size();
    needs.state = this->state_size();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    for (int n = 0; n < args.output.batch; ++n) {
      const View<const T> x = sample(args.inputs[0], n);
      T* moments = args.scratch;  // of this sample: mean, its rest, deviation
      T* saved = args.saved ? args.saved + n * kSaved * size() : args.scratch + 3 * size();
      channel_moments(x, epsilon_, moments, moments + size(), moments + 2 * size());
      const T layer_scale = past_statistics(args, moments, saved);
      for (std::int64_t c = 0; c < size(); c += kLanes<T>) {
        const auto xn = this->normalized(saved, c);
        const Lanes<T> weight = lanes(args.parameters + c);
        const Lanes<T> bias = lanes(args.parameters + size() + c);
        for_each_pixel(
            c, [&](auto x, auto y) { y = (weight * xn(x) + bias) * layer_scale; }, x,
            sample(args.output, n));
      }
      if (args.training && !args.again) update_running(moments, args.state);
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n) {
      const double projected = channel_sums(args, n);
      if (args.gradient_parameters)
        give(numbers(args.gradient_parameters, 2 * size()), numbers(args.scratch, 2 * size()),
             args.accumulate_parameters || n > 0);
      if (args.gradient_inputs[0]) input_gradient(args, n, static_cast<T>(projected));
      update_control(args, n);
    }
  }

 private:
  /// Rows kept of a sample: mu, what T rounds off it, 1 / sqrt(var + epsilon), layer scale; mean of
  /// xn and deviation from that mean, for the mean of xn^2 may be more than T holds.
  static constexpr int kSaved = 6;

  std::int64_t size() const { return this->row_size(); }
  auto wide(const T* block, int i) const { return this->wide_row(block, i); }
  /// Of a sample's moments, or as saved: both keep the rest in the second row.
  auto mean(const T* rows) const { return wide(rows, 0) + wide(rows, 1); }

  /// saved = the rows of kSaved, mu and var before this sample; returns the layer scale,
  /// 1 / sqrt(mean(a^2) + epsilon), from the sample's channel moments. Made again, mu and var are
  /// those of the first time, and the rest is new.
  T past_statistics(const ForwardArgs<T>& args, const T* moments, T* saved) const {
    if (!args.again) {
      numbers(saved, 3 * size()).setZero();
      this->channel_row(saved, 0) = this->channel_row(args.state, 0);
      if (args.training)
        this->channel_row(saved, 1) =
            (this->running(args.state, 0) - wide(saved, 0)).template cast<T>();
      this->channel_row(saved, 2) = inverse_roots<T>(wide(args.state, 1) + epsilon_);
    }
    numbers(saved + 4 * size(), 2 * size()).setZero();
    this->channel_row(saved, 4) =
        ((mean(moments) - mean(saved)) * wide(saved, 2)).template cast<T>();
    this->channel_row(saved, 5) = (wide(moments, 2) * wide(saved, 2)).template cast<T>();
    const auto slope = wide(args.parameters, 0) * wide(saved, 2);
    const auto center = slope * (mean(moments) - mean(saved)) + wide(args.parameters, 1);
    const double mean_a2 = (center.square() + (slope * wide(moments, 2)).square()).mean();
    const T scale = inverse_root<T>(mean_a2 + epsilon_);
    this->padded_row(saved, 3) = scale;
    return scale;
  }

  /// var = f var + (1-f) var(x) + f (1-f) (mean(x) - mu)^2,  mu = f mu + (1-f) mean(x)
  void update_running(const T* moments, T* state) const {
    const double f = forward_decay_;
    const auto mu = this->running(state, 0), var = this->running(state, 1);
    this->set_running(state, 1,
                      f * var + (1 - f) * wide(moments, 2).square() +
                          f * (1 - f) * (mean(moments) - mu).square());
    this->set_running(state, 0, f * mu + (1 - f) * mean(moments));
  }

  /// Scratch rows, sums over the sample's pixels: 0, 1: g xn and g, the gradient by a being
  /// g = layer_scale (dy - y projected); 2, 3: y xn and y. Returns `projected`, the mean of dy y.
  double channel_sums(const BackwardArgs<T>& args, int n) const {
    const T* saved = args.saved + n * kSaved * size();
    double projected = 0;
    for (std::int64_t c = 0; c < size(); c += kLanes<T>) {
      const auto normal = this->normalized(saved, c);
      const auto sums = pixel_sums<5>(
          c,
          [&](auto& sum, auto x, auto y, auto dy) {
            const Lanes<T> xn = normal(x);
            sum[0] += dy * xn;
            sum[1] += dy;
            sum[2] += y * xn;
            sum[3] += y;
            sum[4] += dy * y;
          },
          sample(args.inputs[0], n), sample(args.output, n), sample(args.gradient_output, n));
      for (int i = 0; i < 4; ++i) lanes(args.scratch + i * size() + c) = sums[i].template cast<T>();
      projected += sums[4].head(std::min<std::int64_t>(kLanes<T>, this->channels() - c)).sum();
    }
    projected /= elements_;
    const T p = static_cast<T>(projected);
    for (int i : {0, 1}) {
      auto sum = this->padded_row(args.scratch, i);
      sum = this->padded_row(saved, 3) * (sum - p * this->padded_row(args.scratch, 2 + i));
      sum.tail(size() - this->channels()).setZero();
    }
    return projected;
  }

  /// g' = weight g - leak v xn,  dx = g' / sqrt(var + epsilon) - leak u
  void input_gradient(const BackwardArgs<T>& args, int n, T projected) const {
    const T* saved = args.saved + n * kSaved * size();
    const bool add = args.accumulate[0];
    const T leak = static_cast<T>(leak_);
    for (std::int64_t c = 0; c < size(); c += kLanes<T>) {
      const auto xn = this->normalized(saved, c);
      const Lanes<T> r = xn.inverse;
      const Lanes<T> weight = lanes(args.parameters + c) * lanes(saved + 3 * size() + c);
      const Lanes<T> v = leak * lanes(args.state + 2 * size() + c);
      const Lanes<T> u = leak * lanes(args.state + 3 * size() + c);
      for_each_pixel(
          c,
          [&](auto x, auto y, auto dy, auto dx) {
            give(dx, (weight * (dy - y * projected) - v * xn(x)) * r - u, add);
          },
          sample(args.inputs[0], n), sample(args.output, n), sample(args.gradient_output, n),
          sample(args.gradient_inputs[0], n));
    }
  }

  /// v += mean(g' xn),  u += mean(dx)
  void update_control(const BackwardArgs<T>& args, int n) const {
    const T* saved = args.saved + n * kSaved * size();
    const auto weight = wide(args.parameters, 0);
    const auto v = this->running(args.state, 2), u = this->running(args.state, 3);
    const auto mean_xn = wide(saved, 4);
    const auto mean_xn2 = mean_xn.square() + wide(saved, 5).square();
    this->set_running(
        args.state, 3,
        u + (weight * wide(args.scratch, 1) / pixels_ - leak_ * v * mean_xn) * wide(saved, 2) -
            leak_ * u);
    this->set_running(args.state, 2,
                      v + weight * wide(args.scratch, 0) / pixels_ - leak_ * v * mean_xn2);
  }

  double pixels_, elements_, epsilon_, forward_decay_, leak_;
};

constexpr ElementwiseCost kCost{"online_norm", 8, 10, "Per element."};

void infer(LayerResolver& layer) {
  if (!layer.need_image()) return;
  const int channels = layer.in().channels;
  layer.norm({channels});
  layer.parameter("running_mean", {channels}, ParameterRole::running_statistic);
  layer.parameter("running_var", {channels}, ParameterRole::running_variance);
  layer.parameter("control_y", {channels}, ParameterRole::running_statistic);
  layer.parameter("control_1", {channels}, ParameterRole::running_statistic);
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.output = true;
  kept.elements = kept.past_elements = 2.0 * node.output.channels;
  return elementwise_work(node, kCost, kept);
}

}  // namespace

LayerDefinition online_norm_definition() {
  LayerDefinition d;
  d.word = "online_norm";
  d.sentence =
      "Normalises by running statistics of the samples before. Keeps its output and two statistics "
      "per channel.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.computed_by<OnlineNorm>();
  d.normalized.values = [](const LayerNode& node) -> std::int64_t {
    return node.output.elements();
  };
  d.normalized.one_value =
      "a sample holds one value, which the layer scaling divides by itself: a sign is left of it; "
      "leave the norm out here";
  return d;
}

}  // namespace stagecoach
