// SPDX-License-Identifier: Apache-2.0
// Elementwise activations: relu, tanh, sigmoid.
#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// y = max(x, 0); dx = dy where y > 0, else 0 (at x = 0 as PyTorch: 0). NaN stays NaN.
/// Any shape; works in place: backward reads the output alone.
struct Relu {
  template <class X>
  static auto value(const X& x) {
    return x.max(typename X::Scalar(0));  // this way round NaN stays NaN
  }
  template <class Y>
  static auto gradient(const Y& y, const Y& dy) {
    using T = typename Y::Scalar;
    return lanes_where<T>(dy, [&](int i) { return y[i] != T(0); });
  }
};

/// y = tanh(x); dx = dy (1 - y^2). Any shape; in place.
struct Tanh {
  template <class X>
  static auto value(const X& x) {
    return x.tanh();
  }
  template <class Y>
  static auto gradient(const Y& y, const Y& dy) {
    return dy * (typename Y::Scalar(1) - y.square());
  }
};

/// y = 1 / (1 + exp(-x)); dx = dy y (1 - y). Any shape; in place.
struct Sigmoid {
  template <class X>
  static auto value(const X& x) {
    // exp of a large number is infinite and the quotient then 0, as it should be.
    return (typename X::Scalar(1) + (-x).exp()).inverse();
  }
  template <class Y>
  static auto gradient(const Y& y, const Y& dy) {
    return dy * y * (typename Y::Scalar(1) - y);
  }
};

template <class T, class Function>
class Activation final : public Layer<T> {
 public:
  explicit Activation(const LayerNode&) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_output = true;
    needs.in_place = true;
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    for_each_lanes([](auto x, auto y) { y = Function::value(x); }, args.inputs[0], args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    const bool add = args.accumulate[0];
    for_each_lanes([add](auto y, auto dy, auto dx) { give(dx, Function::gradient(y, dy), add); },
                   args.output, args.gradient_output, args.gradient_inputs[0]);
  }
};

template <class T>
using ReluLayer = Activation<T, Relu>;
template <class T>
using TanhLayer = Activation<T, Tanh>;
template <class T>
using SigmoidLayer = Activation<T, Sigmoid>;

constexpr ElementwiseCost kReluCost{"relu", 1, 1, "Per element."};

LayerWork relu_work(const LayerNode& node) {
  KeptValues kept;
  kept.sign_of_output = true;
  return elementwise_work(node, kReluCost, kept);
}

constexpr ElementwiseCost kTanhCost{"tanh", 4, 2, "Per element."};

LayerWork tanh_work(const LayerNode& node) {
  KeptValues kept;
  kept.output = true;
  return elementwise_work(node, kTanhCost, kept);
}

constexpr ElementwiseCost kSigmoidCost{"sigmoid", 4, 2, "Per element."};

LayerWork sigmoid_work(const LayerNode& node) {
  KeptValues kept;
  kept.output = true;
  return elementwise_work(node, kSigmoidCost, kept);
}

}  // namespace

LayerDefinition relu_definition() {
  LayerDefinition d;
  d.word = "relu";
  d.sentence =
      "max(x, 0). Keeps one bit per element; nothing where its input or output is kept by a layer "
      "of the same stage.";
  d.work = relu_work;
  d.cost = &kReluCost;
  d.computed_by<ReluLayer>();
  return d;
}

LayerDefinition tanh_definition() {
  LayerDefinition d;
  d.word = "tanh";
  d.sentence = "Hyperbolic tangent. Keeps its output.";
  d.work = tanh_work;
  d.cost = &kTanhCost;
  d.computed_by<TanhLayer>();
  return d;
}

LayerDefinition sigmoid_definition() {
  LayerDefinition d;
  d.word = "sigmoid";
  d.sentence = "1 / (1 + exp(-x)). Keeps its output.";
  d.work = sigmoid_work;
  d.cost = &kSigmoidCost;
  d.computed_by<SigmoidLayer>();
  return d;
}

}  // namespace stagecoach
