// SPDX-License-Identifier: Apache-2.0
// Batch normalisation.
#include "models/layers/batch_norm.h"

#include <cmath>

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"
#include "models/layers/norm_kernels.h"

namespace stagecoach {
namespace {

constexpr ElementwiseCost kCost{"batch_norm2d", 4, 8, "Per element."};

void infer(LayerResolver& layer) {
  if (!layer.need_image()) return;
  const int channels = layer.in().channels;
  layer.norm({channels});
  layer.parameter("running_mean", {channels}, ParameterRole::running_statistic);
  layer.parameter("running_var", {channels}, ParameterRole::running_statistic);
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.input = true;
  kept.elements = 2.0 * node.output.channels;
  return elementwise_work(node, kCost, kept);
}

}  // namespace

LayerDefinition batch_norm2d_definition() {
  LayerDefinition d;
  d.word = "batch_norm2d";
  d.sentence =
      "Normalises a channel over the samples that travel together and keeps running statistics for "
      "evaluation. At batch size one that is over the pixels of one sample: training then sees "
      "other statistics than evaluation, and a channel of one pixel gives its bias; `group_norm` "
      "and `online_norm` are made for it. Keeps its input and two statistics per channel.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.make_f32 = make_batch_norm2d<float>;
  d.make_f64 = make_batch_norm2d<double>;
  return d;
}

namespace {

template <class T>
class BatchNorm final : public ChannelNorm<T> {
 public:
  explicit BatchNorm(const LayerNode& node)
      : ChannelNorm<T>(node),
        pixels_(node.output.pixels()),
        epsilon_(node.spec.epsilon),
        momentum_(node.spec.momentum) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_micro_batch = 2 * row();  // mean, 1 / standard deviation
    needs.scratch = 5 * row();
    needs.state = this->state_size();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    const SampleRange all{0, x.batch};
    T* mean = args.saved ? args.saved : args.scratch;
    T* inverse = mean + row();
    T* scale = args.scratch + 2 * row();
    if (args.training) {
      channel_moments(x, all, mean, inverse);
      update_running(mean, inverse, x.batch * pixels_, args.state);
      group_statistics(channels(), channels(), x.batch * pixels_, epsilon_, mean, inverse, mean,
                       inverse);
    } else {
      const T* running = args.state;
      for (std::int64_t c = 0; c < row(); ++c) {
        mean[c] = running[c];
        inverse[c] = static_cast<T>(1.0 / std::sqrt(running[row() + c] + epsilon_));
      }
    }
    for (std::int64_t c = 0; c < row(); ++c) scale[c] = inverse[c] * args.parameters[c];
    apply_channel_map(x, all, mean, scale, args.parameters + row(), args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    const SampleRange all{0, x.batch};
    const T* mean = args.saved;
    const T* inverse = mean + row();
    const T* weight = args.parameters;
    T* sum_g = args.scratch;
    T* sum_gx = sum_g + row();
    channel_gradient_sums(x, args.gradient_output, all, mean, sum_g, sum_gx);
    for (std::int64_t c = 0; c < row(); ++c) sum_gx[c] *= inverse[c];
    if (args.gradient_parameters) {
      this->give_row(sum_gx, args.gradient_parameters, args.accumulate_parameters);
      this->give_row(sum_g, args.gradient_parameters + row(), args.accumulate_parameters);
    }
    if (!args.gradient_inputs[0]) return;
    // dx = weight inverse (g - mean(g) - xn mean(g xn)), xn = x normalised.
    T* scale = sum_gx + row();
    T* slope = scale + row();
    T* shift = slope + row();
    const T share = static_cast<T>(1.0 / static_cast<double>(x.batch * pixels_));
    for (std::int64_t c = 0; c < row(); ++c) {
      scale[c] = weight[c] * inverse[c];
      slope[c] = -scale[c] * inverse[c] * sum_gx[c] * share;
      shift[c] = -scale[c] * sum_g[c] * share;
    }
    apply_channel_gradient(x, args.gradient_output, all, mean, scale, slope, shift,
                           args.accumulate[0], args.gradient_inputs[0]);
  }

 private:
  using ChannelNorm<T>::channels;
  using ChannelNorm<T>::row;

  void update_running(const T* mean, const T* squares, std::int64_t values, T* state) const {
    const double degrees = static_cast<double>(values > 1 ? values - 1 : 1);
    T* running_mean = state;
    T* running_var = state + row();
    for (int c = 0; c < channels(); ++c) {
      running_mean[c] = static_cast<T>((1 - momentum_) * running_mean[c] + momentum_ * mean[c]);
      running_var[c] =
          static_cast<T>((1 - momentum_) * running_var[c] + momentum_ * (squares[c] / degrees));
    }
  }

  std::int64_t pixels_;
  double epsilon_, momentum_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_batch_norm2d(const LayerNode& node) {
  return std::make_unique<BatchNorm<T>>(node);
}

template std::unique_ptr<Layer<float>> make_batch_norm2d(const LayerNode&);
template std::unique_ptr<Layer<double>> make_batch_norm2d(const LayerNode&);

}  // namespace stagecoach
