// SPDX-License-Identifier: Apache-2.0
// Layers that move numbers without changing them: identity, flatten; and add.
#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// to = from, or to += from; in place it is nothing.
template <class T>
void copy(const View<const T>& from, const View<T>& to, bool add) {
  if (from.data == to.data) return;
  for_each_lanes([add](auto x, auto y) { give(y, x, add); }, from, to);
}

/// y = x. Any shape; in place it costs nothing.
template <class T>
class Identity final : public Layer<T> {
 public:
  explicit Identity(const LayerNode&) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.in_place = true;
    return needs;
  }
  void forward(const ForwardArgs<T>& args) const override {
    copy(args.inputs[0], args.output, false);
  }
  void backward(const BackwardArgs<T>& args) const override {
    if (args.gradient_inputs[0])
      copy(args.gradient_output, args.gradient_inputs[0], args.accumulate[0]);
  }
};

/// [C,H,W] to [C H W] in PyTorch's order (channel outermost): y[(c H + i) W + j] = x[c,i,j].
/// The matrix of a sample, channels by pixels, becomes its transpose.
template <class T>
class Flatten final : public Layer<T> {
 public:
  explicit Flatten(const LayerNode&) {}

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    for (int n = 0; n < x.batch; ++n)
      for (int i = 0; i < x.height; ++i) pixel_row(args.output, n, i, x) = row(x, n, i).transpose();
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool add = args.accumulate[0];
    if (!add) for_each_lanes([](auto x) { x.setZero(); }, dx);  // pad lanes too
    for (int n = 0; n < dx.batch; ++n)
      for (int i = 0; i < dx.height; ++i)
        row(dx, n, i) += pixel_row(args.gradient_output, n, i, dx).transpose();
  }

 private:
  /// Row i of the image in the flat value: columns by channels.
  template <class Flat, class Image>
  static MatrixMap<Flat> pixel_row(const View<Flat>& flat, int n, int i, const View<Image>& image) {
    return {flat.sample(n) + i * image.width, image.width, image.channels,
            Eigen::OuterStride<>(std::int64_t{1} * image.height * image.width)};
  }
};

/// y = x_0 + x_1 + ..., added in the order of the inputs; every input gets dy. Equal shapes.
template <class T>
class Add final : public Layer<T> {
 public:
  explicit Add(const LayerNode& node) : inputs_(static_cast<int>(node.inputs.size())) {}

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    for_each_lanes([](auto a, auto b, auto y) { y = a + b; }, args.inputs[0], args.inputs[1],
                   args.output);
    for (int k = 2; k < inputs_; ++k) copy(args.inputs[k], args.output, true);
  }

  void backward(const BackwardArgs<T>& args) const override {
    for (int k = 0; k < inputs_; ++k)
      if (args.gradient_inputs[k])
        copy(args.gradient_output, args.gradient_inputs[k], args.accumulate[k]);
  }

 private:
  int inputs_;
};

constexpr ElementwiseCost kAddCost{"add", 1, 0,
                                   "Forward per input beyond the first, backward per input."};

void infer_flatten(LayerResolver& layer) {
  layer.node.output = Shape::features(static_cast<int>(layer.in().elements()));
}

void infer_add(LayerResolver& layer) {
  for (const Shape& s : layer.node.input_shapes) {
    if (s == layer.in()) continue;
    layer.issue("inputs", "adds " + to_string(layer.in()) + " and " + to_string(s) +
                              "; shapes must be equal");
    return;
  }
  infer_same_shape(layer);
}

LayerWork add_work(const LayerNode& node) {
  const double out = static_cast<double>(node.output.elements());
  const double inputs = static_cast<double>(node.inputs.size());
  return elementwise_work(node, kAddCost, out * (inputs - 1), out * inputs);
}

}  // namespace

LayerDefinition flatten_definition() {
  LayerDefinition d;
  d.word = "flatten";
  d.sentence = "[C,H,W] becomes [C*H*W]. Only renames its input.";
  d.infer = infer_flatten;
  d.work = renaming_work;
  d.computed_by<Flatten>();
  return d;
}

LayerDefinition identity_definition() {
  LayerDefinition d;
  d.word = "identity";
  d.sentence = "Passes its input on. Only renames it.";
  d.work = renaming_work;
  d.computed_by<Identity>();
  return d;
}

LayerDefinition add_definition() {
  LayerDefinition d;
  d.word = "add";
  d.sentence = "Sum of two or more inputs of one shape. Keeps nothing.";
  d.inputs = LayerInputs::two_or_more;
  d.infer = infer_add;
  d.work = add_work;
  d.cost = &kAddCost;
  d.computed_by<Add>();
  return d;
}

}  // namespace stagecoach
