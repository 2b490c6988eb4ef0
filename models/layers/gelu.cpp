// SPDX-License-Identifier: Apache-2.0
// Gaussian error linear unit (Hendrycks & Gimpel 2016) in its exact form, PyTorch's default:
//   y = x P(x),   dx = dy (P(x) + x p(x)),
// P and p the distribution function and the density of the normal distribution. Any shape.
#include <cmath>

#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// Forward: scale, error function (four, as an exponential), 1 +, half, times x. Backward: P anew
/// (7), p (square, scale, exponential, scale: 7), x p, their sum, times dy.
constexpr ElementwiseCost kCost{"gelu", 8, 17, "Per element."};

LayerWork work(const LayerNode& node) {
  KeptValues kept;
  kept.input = true;
  return elementwise_work(node, kCost, kept);
}

/// P(x), from the error function.
template <class T>
T distribution(T x) {
  return T(0.5) * (T(1) + std::erf(x * T(M_SQRT1_2)));
}

/// dy / dx. The standard library's exponential reaches 0, where Eigen's stops at the smallest
/// number.
template <class T>
T slope(T x) {
  const T density = T(0.5 * M_2_SQRTPI * M_SQRT1_2) * std::exp(T(-0.5) * x * x);
  return distribution(x) + x * density;
}

template <class T>
class Gelu final : public Layer<T> {
 public:
  explicit Gelu(const LayerNode&) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    for_each_lanes([](auto x, auto y) { y = x * x.unaryExpr(&distribution<T>); }, args.inputs[0],
                   args.output);
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    const bool add = args.accumulate[0];
    for_each_lanes([add](auto x, auto dy, auto dx) { give(dx, dy * x.unaryExpr(&slope<T>), add); },
                   args.inputs[0], args.gradient_output, args.gradient_inputs[0]);
  }
};

}  // namespace

LayerDefinition gelu_definition() {
  LayerDefinition d;
  d.word = "gelu";
  d.sentence = "x times the normal distribution function of x (exact form). Keeps its input.";
  d.work = work;
  d.cost = &kCost;
  d.computed_by<Gelu>();
  return d;
}

}  // namespace stagecoach
