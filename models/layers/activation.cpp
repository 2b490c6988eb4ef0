// SPDX-License-Identifier: Apache-2.0
// Elementwise activations: relu, tanh, sigmoid.
#include "models/layers/activation.h"

#include <Eigen/Core>

#include "models/layers/definition.h"
#include "models/layers/lanes.h"

// GCC 12 takes the undefined register in its own AVX-512 headers for a forgotten variable.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

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

template <class T>
using ConstArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using MutableArray = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

struct Relu {
  template <class T>
  static void forward(std::int64_t count, const T* x, T* y) {
    const Lanes<T> zero{};
    for (std::int64_t i = 0; i < count; i += kLanes<T>) {
      const Lanes<T> v = load_lanes<T>(x + i);
      store_lanes<T>(y + i, v < zero ? zero : v);  // this way round NaN stays NaN
    }
  }
  template <class T>
  static Lanes<T> gradient(Lanes<T> y, Lanes<T> dy) {
    return y > Lanes<T>{} ? dy : Lanes<T>{};
  }
};

struct Tanh {
  template <class T>
  static void forward(std::int64_t count, const T* x, T* y) {
    MutableArray<T>(y, count) = ConstArray<T>(x, count).tanh();
  }
  template <class T>
  static Lanes<T> gradient(Lanes<T> y, Lanes<T> dy) {
    return dy * (T(1) - y * y);
  }
};

struct Sigmoid {
  template <class T>
  static void forward(std::int64_t count, const T* x, T* y) {
    // exp of a large number is infinite and the quotient then 0, as it should be.
    MutableArray<T>(y, count) = (T(1) + (-ConstArray<T>(x, count)).exp()).inverse();
  }
  template <class T>
  static Lanes<T> gradient(Lanes<T> y, Lanes<T> dy) {
    return dy * y * (T(1) - y);
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
    for_each_run(
        [](std::int64_t count, const T* x, T* y) { Function::template forward<T>(count, x, y); },
        args.inputs[0], args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    const bool accumulate = args.accumulate[0];
    for_each_run(
        [accumulate](std::int64_t count, const T* y, const T* dy, T* dx) {
          for (std::int64_t i = 0; i < count; i += kLanes<T>) {
            Lanes<T> g =
                Function::template gradient<T>(load_lanes<T>(y + i), load_lanes<T>(dy + i));
            if (accumulate) g += load_lanes<T>(dx + i);
            store_lanes<T>(dx + i, g);
          }
        },
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
