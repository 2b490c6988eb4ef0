// SPDX-License-Identifier: Apache-2.0
// Online normalisation with layer scaling.
#include "models/layers/online_norm.h"

#include <cmath>

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"
#include "models/layers/norm_kernels.h"

namespace stagecoach {
namespace {

constexpr ElementwiseCost kCost{"online_norm", 8, 10, "Per element."};

void infer(LayerResolver& layer) {
  if (!layer.need_image()) return;
  const int channels = layer.in().channels;
  layer.norm({channels});
  layer.parameter("running_mean", {channels}, ParameterRole::running_statistic);
  layer.parameter("running_var", {channels}, ParameterRole::running_statistic);
  layer.parameter("control_y", {channels}, ParameterRole::running_statistic);
  layer.parameter("control_1", {channels}, ParameterRole::running_statistic);
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.output = true;
  kept.elements = 2.0 * node.output.channels;
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
  d.make_f32 = make_online_norm<float>;
  d.make_f64 = make_online_norm<double>;
  return d;
}

namespace {

template <class T>
class OnlineNorm final : public ChannelNorm<T> {
 public:
  explicit OnlineNorm(const LayerNode& node)
      : ChannelNorm<T>(node),
        pixels_(static_cast<double>(node.output.pixels())),
        elements_(static_cast<double>(node.output.elements())),
        epsilon_(node.spec.epsilon),
        forward_decay_(node.spec.forward_decay),
        backward_decay_(node.spec.backward_decay) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.backward_reads_output = true;
    needs.saved_per_sample = 3 * row();  // mu, 1 / sqrt(var + epsilon), 1 / layer scale
    needs.scratch = 8 * row();
    needs.state = this->state_size();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    T* mean = args.scratch;  // of this sample
    T* squares = mean + row();
    T* scale = squares + row();
    T* shift = scale + row();
    for (int n = 0; n < args.output.batch; ++n) {
      T* mu = args.saved ? args.saved + n * 3 * row() : shift + row();
      T* inverse = mu + row();
      T* layer_scale = inverse + row();
      channel_moments(args.inputs[0], {n, n + 1}, mean, squares);
      std::copy_n(args.state, row(), mu);
      double sum = 0;  // of a^2 over the sample, from the channel moments
      for (int c = 0; c < channels(); ++c) {
        inverse[c] = static_cast<T>(1.0 / std::sqrt(args.state[row() + c] + epsilon_));
        const double slope = static_cast<double>(inverse[c]) * args.parameters[c];
        const double center =
            slope * (static_cast<double>(mean[c]) - mu[c]) + args.parameters[row() + c];
        sum += pixels_ * center * center + slope * slope * squares[c];
      }
      const T r = static_cast<T>(1.0 / std::sqrt(sum / elements_ + epsilon_));
      for (std::int64_t c = 0; c < row(); ++c) {
        if (c >= channels()) inverse[c] = T(0);
        layer_scale[c] = r;
        scale[c] = inverse[c] * args.parameters[c] * r;
        shift[c] = args.parameters[row() + c] * r;
      }
      apply_channel_map(args.inputs[0], {n, n + 1}, mu, scale, shift, args.output);
      if (args.training) update_running(mean, squares, args.state);
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n) {
      const T* mu = args.saved + n * 3 * row();
      const Sums sums = channel_sums(args, n, mu);
      if (args.gradient_parameters) {
        const bool accumulate = args.accumulate_parameters || n > 0;
        this->give_row(sums.gn, args.gradient_parameters, accumulate);
        this->give_row(sums.g, args.gradient_parameters + row(), accumulate);
      }
      input_gradient(args, n, mu, sums);
    }
  }

 private:
  using ChannelNorm<T>::channels;
  using ChannelNorm<T>::row;

  /// Channel sums over a sample's pixels; g is the gradient by a, xn the normalised input.
  struct Sums {
    T *g, *gn;    ///< of g, of g xn
    T *n, *nn;    ///< of xn, of xn^2
    T projected;  ///< mean over the sample of (gradient by y) y
  };

  void update_running(const T* mean, const T* squares, T* state) const {
    const double f = forward_decay_;
    T* mu = state;
    T* var = state + row();
    for (int c = 0; c < channels(); ++c) {
      const double off = static_cast<double>(mean[c]) - mu[c];
      var[c] =
          static_cast<T>(f * var[c] + (1 - f) * (squares[c] / pixels_) + f * (1 - f) * off * off);
      mu[c] = static_cast<T>(f * mu[c] + (1 - f) * mean[c]);
    }
  }

  /// Sums in scratch rows 0..3. The gradient by a is layer_scale (dy - y projected).
  Sums channel_sums(const BackwardArgs<T>& args, int n, const T* mu) const {
    const T* inverse = mu + row();
    const T* layer_scale = inverse + row();
    T* rows = args.scratch;
    Sums sums{rows, rows + row(), rows + 2 * row(), rows + 3 * row(), T(0)};
    T* y_sum = rows + 4 * row();
    T* y_product = rows + 5 * row();
    Lanes<T> projected{};
    for (std::int64_t c = 0; c < row(); c += kLanes<T>) {
      const Lanes<T> m = load_lanes<T>(mu + c), r = load_lanes<T>(inverse + c);
      Lanes<T> g{}, gn{}, s{}, ss{}, ys{}, yn{};
      for_each_pixel(
          {n, n + 1}, c,
          [&](int, const T* at_x, const T* at_y, const T* at_dy) {
            const Lanes<T> dy = load_lanes<T>(at_dy), y = load_lanes<T>(at_y);
            const Lanes<T> xn = (load_lanes<T>(at_x) - m) * r;
            projected += dy * y;
            g += dy;
            gn += dy * xn;
            s += xn;
            ss += xn * xn;
            ys += y;
            yn += y * xn;
          },
          args.inputs[0], args.output, args.gradient_output);
      store_lanes<T>(sums.g + c, g);
      store_lanes<T>(sums.gn + c, gn);
      store_lanes<T>(sums.n + c, s);
      store_lanes<T>(sums.nn + c, ss);
      store_lanes<T>(y_sum + c, ys);
      store_lanes<T>(y_product + c, yn);
    }
    for (int lane = 0; lane < kLanes<T>; ++lane) sums.projected += projected[lane];
    sums.projected /= static_cast<T>(elements_);
    for (std::int64_t c = 0; c < row(); ++c) {
      const bool real = c < channels();
      sums.g[c] = real ? layer_scale[c] * (sums.g[c] - sums.projected * y_sum[c]) : T(0);
      sums.gn[c] = real ? layer_scale[c] * (sums.gn[c] - sums.projected * y_product[c]) : T(0);
    }
    return sums;
  }

  /// dx = from_dy dy + from_y y + from_x (x - mu) + constant, and the control process.
  void input_gradient(const BackwardArgs<T>& args, int n, const T* mu, const Sums& sums) const {
    const T* inverse = mu + row();
    const T* layer_scale = inverse + row();
    T* control_y = args.state + 2 * row();
    T* control_1 = args.state + 3 * row();
    T* from_dy = args.scratch + 4 * row();
    T* from_y = from_dy + row();
    T* from_x = from_y + row();
    T* constant = from_x + row();
    const double leak = 1 - backward_decay_;
    for (std::int64_t c = 0; c < row(); ++c) {
      from_dy[c] = from_y[c] = from_x[c] = constant[c] = T(0);
      if (c >= channels()) continue;
      const double weight = args.parameters[c], r = inverse[c];
      const double v = control_y[c], u = control_1[c];
      from_dy[c] = static_cast<T>(weight * layer_scale[c] * r);
      from_y[c] = -from_dy[c] * sums.projected;
      from_x[c] = static_cast<T>(-leak * v * r * r);
      constant[c] = static_cast<T>(-leak * u);
      control_y[c] = static_cast<T>(v + (weight * sums.gn[c] - leak * v * sums.nn[c]) / pixels_);
      control_1[c] =
          static_cast<T>(u + (weight * sums.g[c] - leak * v * sums.n[c]) * r / pixels_ - leak * u);
    }
    if (!args.gradient_inputs[0]) return;
    const bool accumulate = args.accumulate[0];
    for (std::int64_t c = 0; c < row(); c += kLanes<T>) {
      const Lanes<T> m = load_lanes<T>(mu + c), a = load_lanes<T>(from_dy + c),
                     b = load_lanes<T>(from_y + c), s = load_lanes<T>(from_x + c),
                     t = load_lanes<T>(constant + c);
      for_each_pixel(
          {n, n + 1}, c,
          [&](int, const T* x, const T* y, const T* dy, T* dx) {
            Lanes<T> d =
                load_lanes<T>(dy) * a + load_lanes<T>(y) * b + (load_lanes<T>(x) - m) * s + t;
            if (accumulate) d += load_lanes<T>(dx);
            store_lanes<T>(dx, d);
          },
          args.inputs[0], args.output, args.gradient_output, args.gradient_inputs[0]);
    }
  }

  double pixels_, elements_, epsilon_, forward_decay_, backward_decay_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_online_norm(const LayerNode& node) {
  return std::make_unique<OnlineNorm<T>>(node);
}

template std::unique_ptr<Layer<float>> make_online_norm(const LayerNode&);
template std::unique_ptr<Layer<double>> make_online_norm(const LayerNode&);

}  // namespace stagecoach
