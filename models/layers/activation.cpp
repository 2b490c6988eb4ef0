// SPDX-License-Identifier: Apache-2.0
// Elementwise activations: relu, tanh, sigmoid.
#include "models/layers/activation.h"

#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

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
  d.make_f32 = make_relu<float>;
  d.make_f64 = make_relu<double>;
  return d;
}

LayerDefinition tanh_definition() {
  LayerDefinition d;
  d.word = "tanh";
  d.sentence = "Hyperbolic tangent. Keeps its output.";
  d.work = tanh_work;
  d.cost = &kTanhCost;
  d.make_f32 = make_tanh<float>;
  d.make_f64 = make_tanh<double>;
  return d;
}

LayerDefinition sigmoid_definition() {
  LayerDefinition d;
  d.word = "sigmoid";
  d.sentence = "1 / (1 + exp(-x)). Keeps its output.";
  d.work = sigmoid_work;
  d.cost = &kSigmoidCost;
  d.make_f32 = make_sigmoid<float>;
  d.make_f64 = make_sigmoid<double>;
  return d;
}

namespace {

struct Relu {
  template <class X>
  static auto value(const X& x) {
    return x.max(typename X::Scalar(0));  // this way round NaN stays NaN
  }
  template <class Y>
  static auto gradient(const Y& y, const Y& dy) {
    using T = typename Y::Scalar;
    return where_equal<T>(y, Lanes<T>::Zero(), Lanes<T>::Zero(), dy);
  }
};

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

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_relu(const LayerNode&) {
  return std::make_unique<Activation<T, Relu>>();
}

template <class T>
std::unique_ptr<Layer<T>> make_tanh(const LayerNode&) {
  return std::make_unique<Activation<T, Tanh>>();
}

template <class T>
std::unique_ptr<Layer<T>> make_sigmoid(const LayerNode&) {
  return std::make_unique<Activation<T, Sigmoid>>();
}

template std::unique_ptr<Layer<float>> make_relu(const LayerNode&);
template std::unique_ptr<Layer<double>> make_relu(const LayerNode&);
template std::unique_ptr<Layer<float>> make_tanh(const LayerNode&);
template std::unique_ptr<Layer<double>> make_tanh(const LayerNode&);
template std::unique_ptr<Layer<float>> make_sigmoid(const LayerNode&);
template std::unique_ptr<Layer<double>> make_sigmoid(const LayerNode&);

}  // namespace stagecoach
