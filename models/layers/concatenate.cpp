// SPDX-License-Identifier: Apache-2.0
// Inputs put one behind the other along the channels, PyTorch's cat(dim=1): y[c] = x_i[c - o_i]
// with o_i the channels of the inputs before input i; dx_i[c] = dy[o_i + c]. [C,H,W] of equal H and
// W, or features.
#include <limits>
#include <string>

#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// A move through the vector unit, both ways.
constexpr ElementwiseCost kCost{"concatenate", 1, 1, "Per element of the output."};

void infer(LayerResolver& layer) {
  Shape out = layer.in();
  std::int64_t channels = 0;  // wider than a Shape's: many inputs of many features
  for (const Shape& s : layer.node.input_shapes) {
    channels += s.channels;
    if (s.rank == out.rank && s.height == out.height && s.width == out.width) continue;
    layer.issue("inputs", "concatenates " + to_string(out) + " and " + to_string(s) +
                              "; shapes must be equal but for their channels");
    return;
  }
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  if (channels > kMost) {
    layer.issue("inputs", "concatenates to " + std::to_string(channels) +
                              " channels; allowed: at most " + std::to_string(kMost));
    return;
  }
  out.channels = static_cast<int>(channels);
  layer.node.output = out;
}

LayerWork work(const LayerNode& node) { return elementwise_work(node, kCost); }

template <class T>
class Concatenate final : public Layer<T> {
 public:
  explicit Concatenate(const LayerNode& node) {
    for (const Shape& s : node.input_shapes) channels_.push_back(s.channels);
  }

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    const View<T>& y = args.output;
    clear_pads(y);
    for (int n = 0; n < y.batch; ++n)
      for (int i = 0; i < y.height; ++i)
        for (std::size_t k = 0, first = 0; k < channels_.size(); first += channels_[k], ++k)
          row(y, n, i).middleRows(first, channels_[k]) = row(args.inputs[k], n, i);
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<const T>& dy = args.gradient_output;
    for (std::size_t k = 0, first = 0; k < channels_.size(); first += channels_[k], ++k) {
      const View<T>& dx = args.gradient_inputs[k];
      if (!dx) continue;
      if (!args.accumulate[k]) clear_pads(dx);
      for (int n = 0; n < dy.batch; ++n)
        for (int i = 0; i < dy.height; ++i)
          give(row(dx, n, i), row(dy, n, i).middleRows(first, channels_[k]), args.accumulate[k]);
    }
  }

 private:
  std::vector<int> channels_;  ///< of each input
};

}  // namespace

LayerDefinition concatenate_definition() {
  LayerDefinition d;
  d.word = "concatenate";
  d.sentence =
      "Two or more inputs one behind the other along the channels; rows and columns are equal. "
      "Keeps "
      "nothing.";
  d.inputs = LayerInputs::two_or_more;
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.computed_by<Concatenate>();
  return d;
}

}  // namespace stagecoach
