// SPDX-License-Identifier: Apache-2.0
// Group normalisation.
#include "models/layers/channel_norm.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// y[c] = weight[c] (x[c] - mean) / sqrt(var + epsilon) + bias[c], mean and biased variance over
/// the pixels of the channel's group, sample by sample: at batch one it is what it is at any batch.
/// Statistics kept from the forward pass serve the backward pass. [C,H,W] or [F].
template <class T>
class GroupNorm final : public MomentNorm<T> {
 public:
  explicit GroupNorm(const LayerNode& node) : MomentNorm<T>(node, node.spec.groups) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_sample = this->kStatistics * this->row_size();
    needs.scratch = this->kScratchRows * this->row_size();
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    for (int n = 0; n < args.output.batch; ++n) {
      const View<const T> x = sample(args.inputs[0], n);
      T* statistics =
          args.saved ? args.saved + n * this->kStatistics * this->row_size() : args.scratch;
      this->channel_statistics(x, statistics);
      this->group_statistics(statistics);
      this->normalize(x, statistics, args.parameters, sample(args.output, n));
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int n = 0; n < args.gradient_output.batch; ++n)
      this->gradients(args, sample(args.inputs[0], n), sample(args.gradient_output, n),
                      args.saved + n * this->kStatistics * this->row_size(),
                      args.accumulate_parameters || n > 0, sample(args.gradient_inputs[0], n));
  }
};

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
  d.computed_by<GroupNorm>();
  d.normalized.values = [](const LayerNode& node) -> std::int64_t {
    return node.output.elements() / node.spec.groups;
  };
  d.normalized.one_value =
      "a mean covers one value, which that mean takes away: whatever the input, the output is the "
      "layer's bias; take fewer groups, or leave the norm out here";
  return d;
}

}  // namespace stagecoach
