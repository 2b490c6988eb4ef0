// SPDX-License-Identifier: Apache-2.0
// Group normalisation.
#include "models/layers/group_norm.h"

#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"
#include "models/layers/norm_kernels.h"

namespace stagecoach {
namespace {

constexpr ElementwiseCost kCost{"group_norm", 6, 9, "Per element."};

void infer(LayerResolver& layer) {
  const int groups = layer.spec.groups, channels = layer.in().channels;
  if (groups < 1 || channels % groups) {
    layer.issue("groups", "found " + std::to_string(groups) + "; it must divide the input's " +
                              std::to_string(channels) + " channels");
    return;
  }
  layer.norm({channels});
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.input = true;
  kept.elements = 2.0 * node.spec.groups;
  return elementwise_work(node, kCost, kept);
}

}  // namespace

LayerDefinition group_norm_definition() {
  LayerDefinition d;
  d.word = "group_norm";
  d.sentence =
      "Normalises groups of channels of each sample. Keeps its input and two statistics per group.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.make_f32 = make_group_norm<float>;
  d.make_f64 = make_group_norm<double>;
  return d;
}

namespace {

template <class T>
class GroupNorm final : public ChannelNorm<T> {
 public:
  explicit GroupNorm(const LayerNode& node)
      : ChannelNorm<T>(node),
        groups_(node.spec.groups),
        pixels_(node.output.pixels()),
        epsilon_(node.spec.epsilon) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_sample = 2 * row();  // mean, 1 / standard deviation
    needs.scratch = 5 * row();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    const T* weight = args.parameters;
    T* scale = args.scratch;
    for (int n = 0; n < x.batch; ++n) {
      T* mean = args.saved ? args.saved + n * 2 * row() : args.scratch + row();
      T* inverse = mean + row();
      channel_moments(x, {n, n + 1}, mean, inverse);
      group_statistics(channels(), groups_, pixels_, epsilon_, mean, inverse, mean, inverse);
      for (std::int64_t c = 0; c < row(); ++c) scale[c] = inverse[c] * weight[c];
      apply_channel_map(x, {n, n + 1}, mean, scale, args.parameters + row(), args.output);
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    for (int n = 0; n < x.batch; ++n) {
      const T* mean = args.saved + n * 2 * row();
      const T* inverse = mean + row();
      T* sum_g = args.scratch;
      T* sum_gx = args.scratch + row();
      channel_gradient_sums(x, args.gradient_output, {n, n + 1}, mean, sum_g, sum_gx);
      // From here on about x normalised.
      for (std::int64_t c = 0; c < row(); ++c) sum_gx[c] *= inverse[c];
      if (args.gradient_parameters) {
        const bool accumulate = args.accumulate_parameters || n > 0;
        this->give_row(sum_gx, args.gradient_parameters, accumulate);
        this->give_row(sum_g, args.gradient_parameters + row(), accumulate);
      }
      if (args.gradient_inputs[0]) input_gradient(args, n, mean, inverse, sum_g, sum_gx);
    }
  }

 private:
  using ChannelNorm<T>::channels;
  using ChannelNorm<T>::row;

  /// dx = inverse (weight g - mean_G(weight g) - xn mean_G(weight g xn)), xn = x normalised.
  void input_gradient(const BackwardArgs<T>& args, int n, const T* mean, const T* inverse,
                      const T* sum_g, const T* sum_gx) const {
    const T* weight = args.parameters;
    T* scale = args.scratch + 2 * row();
    T* slope = scale + row();
    T* shift = slope + row();
    const int per_group = channels() / groups_;
    const T share = static_cast<T>(1.0 / (static_cast<double>(per_group) * pixels_));
    for (int first = 0; first < channels(); first += per_group) {
      T g = 0, gx = 0;
      for (int c = first; c < first + per_group; ++c) {
        g += weight[c] * sum_g[c];
        gx += weight[c] * sum_gx[c];
      }
      const T r = inverse[first];
      for (int c = first; c < first + per_group; ++c) {
        scale[c] = r * weight[c];
        slope[c] = -r * r * gx * share;
        shift[c] = -r * g * share;
      }
    }
    for (std::int64_t c = channels(); c < row(); ++c) scale[c] = slope[c] = shift[c] = T(0);
    apply_channel_gradient(args.inputs[0], args.gradient_output, {n, n + 1}, mean, scale, slope,
                           shift, args.accumulate[0], args.gradient_inputs[0]);
  }

  int groups_;
  std::int64_t pixels_;
  double epsilon_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_group_norm(const LayerNode& node) {
  return std::make_unique<GroupNorm<T>>(node);
}

template std::unique_ptr<Layer<float>> make_group_norm(const LayerNode&);
template std::unique_ptr<Layer<double>> make_group_norm(const LayerNode&);

}  // namespace stagecoach
