// SPDX-License-Identifier: Apache-2.0
// Dropout whose mask belongs to the sample, not to the moment.
#include <cmath>

#include "models/base/hash.h"
#include "models/base/maps.h"
#include "models/base/random.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// Training: y = x / (1 - p) with probability 1 - p, else 0; dx the same of dy. Evaluation: y = x.
/// Whether element [c,i,j] is dropped follows from the sample's key, the layer's name and the
/// element alone, so micro-batches, threads and vector widths do not matter. Any shape; in place.
template <class T>
class Dropout final : public Layer<T> {
 public:
  explicit Dropout(const LayerNode& node)
      : name_hash_(hash_of(node.spec.name)),
        // 53-bit random numbers below this are dropped.
        dropped_below_(static_cast<std::uint64_t>(std::ldexp(node.spec.probability, 53))),
        scale_(static_cast<T>(1.0 / (1.0 - node.spec.probability))) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.in_place = true;
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    if (args.training)
      apply(args.inputs[0], args.output, args.sample_keys, false);
    else if (args.inputs[0].data != args.output.data)
      for_each_lanes([](auto x, auto y) { y = x; }, args.inputs[0], args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    apply(args.gradient_output, args.gradient_inputs[0], args.sample_keys, args.accumulate[0]);
  }

 private:
  /// out = mask in, or out += mask in; elements are numbered channel by channel, pixel by pixel.
  void apply(const View<const T>& in, const View<T>& out, const std::uint64_t* keys,
             bool add) const {
    const std::int64_t pads = in.pixel_stride - in.channels;
    for (int n = 0; n < in.batch; ++n) {
      const std::uint64_t seed = mix(keys[n], name_hash_);
      for (int y = 0; y < in.height; ++y)
        for (int x = 0; x < in.width; ++x) {
          const std::int64_t first = (std::int64_t{y} * in.width + x) * in.channels;
          const auto mask =
              Eigen::Array<T, Eigen::Dynamic, 1>::NullaryExpr(in.channels, [&](Eigen::Index c) {
                return (mix(seed, first + c) >> 11) >= dropped_below_ ? scale_ : T(0);
              });
          T* to = out.pixel(n, y, x);
          give(numbers(to, in.channels), numbers(in.pixel(n, y, x), in.channels) * mask, add);
          if (!add) numbers(to + in.channels, pads).setZero();
        }
    }
  }

  std::uint64_t name_hash_, dropped_below_;
  T scale_;
};

constexpr ElementwiseCost kCost{"dropout", 1, 1, "Per element."};

void infer(LayerResolver& layer) {
  const double p = layer.spec.probability;
  if (p < 0 || p >= 1)
    layer.issue("probability", "found " + std::to_string(p) + "; allowed: 0 <= p < 1");
  infer_same_shape(layer);
}

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.bits = static_cast<double>(node.output.elements());
  return elementwise_work(node, kCost, kept);
}

}  // namespace

LayerDefinition dropout_definition() {
  LayerDefinition d;
  d.word = "dropout";
  d.sentence = "Sets random elements to zero while training. Keeps one bit per element.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.computed_by<Dropout>();
  return d;
}

}  // namespace stagecoach
