// SPDX-License-Identifier: Apache-2.0
// Batch normalisation.
#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// y[c] = weight[c] (x[c] - mean[c]) / sqrt(var[c] + epsilon) + bias[c].
///
/// Training: mean and biased variance over the micro-batch's samples and pixels; then
/// running = (1 - momentum) running + momentum new, the variance unbiased. Batch one (or
/// micro-batches of one) therefore means: statistics of that sample's pixels alone, and running
/// statistics that never see the variance between samples. A single value per channel (one pixel,
/// one sample) has variance 0 and gives y = bias, where PyTorch refuses. Evaluation: the running
/// statistics.
template <class T>
class BatchNorm final : public MomentNorm<T> {
 public:
  explicit BatchNorm(const LayerNode& node)
      : MomentNorm<T>(node, node.output.channels),
        pixels_(static_cast<double>(node.output.pixels())),
        momentum_(node.spec.momentum) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_micro_batch = this->kStatistics * this->row_size();
    needs.scratch = this->kScratchRows * this->row_size();
    needs.state = this->state_size();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    T* statistics = args.saved ? args.saved : args.scratch;
    if (args.training) {
      this->channel_statistics(args.inputs[0], statistics);
      if (!args.again) update_running(statistics, args.inputs[0].batch * pixels_, args.state);
    } else {
      this->padded_row(statistics, 0) = this->padded_row(args.state, 0);
      this->padded_row(statistics, 1).setZero();
      this->padded_row(statistics, 2) = this->padded_row(args.state, 1).sqrt();
    }
    this->group_statistics(statistics);
    this->normalize(args.inputs[0], statistics, args.parameters, args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    this->gradients(args, args.inputs[0], args.gradient_output, args.saved,
                    args.accumulate_parameters, args.gradient_inputs[0]);
  }

 private:
  /// running = (1 - momentum) running + momentum new, the variance unbiased.
  void update_running(const T* statistics, double values, T* state) const {
    const double unbiased = values / (values > 1 ? values - 1 : 1);
    const auto mean = this->wide_row(statistics, 0) + this->wide_row(statistics, 1);
    const auto variance = unbiased * this->wide_row(statistics, 2).square();
    this->set_running(state, 0, (1 - momentum_) * this->running(state, 0) + momentum_ * mean);
    this->set_running(state, 1, (1 - momentum_) * this->running(state, 1) + momentum_ * variance);
  }

  double pixels_, momentum_;
};

constexpr ElementwiseCost kCost{"batch_norm2d", 4, 8, "Per element."};

void infer(LayerResolver& layer) {
  if (!layer.need_image()) return;
  const int channels = layer.in().channels;
  layer.norm({channels});
  layer.parameter("running_mean", {channels}, ParameterRole::running_statistic);
  layer.parameter("running_var", {channels}, ParameterRole::running_variance);
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.input = true;
  kept.elements = 2.0 * node.output.channels;
  LayerWork work = elementwise_work(node, kCost, kept);
  // The samples of a micro-batch do not wait inside the unit: all values are read for the
  // statistics and again for the result; backward, gradient and input for the two sums over them,
  // and again for the gradient of the input.
  for (ElementwiseWork& w : work.elementwise) w.elements_read *= 2;
  return work;
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
  d.computed_by<BatchNorm>();
  d.normalized.values = [](const LayerNode& node) -> std::int64_t { return node.output.pixels(); };
  d.normalized.over_samples = true;
  d.normalized.one_value =
      "a micro-batch of one sample holds one value a channel, which its own mean takes away: "
      "whatever the input, the output is the layer's bias; take larger micro-batches, or "
      "online_norm";
  return d;
}

}  // namespace stagecoach
