// SPDX-License-Identifier: Apache-2.0
// Local response normalisation across channels.
#include "models/layers/local_response_norm.h"

#include <algorithm>
#include <cmath>

#include "models/layers/definition.h"
#include "models/layers/lanes.h"

namespace stagecoach {
namespace {

constexpr ElementwiseCost kCost{"local_response_norm", 2, 4, "Per element of a channel window."};

void infer(LayerResolver& layer) {
  if (layer.need_image() && layer.need_at_least("size", layer.spec.size, 1))
    infer_same_shape(layer);
}

LayerWork work(const LayerNode& node) {
  const double out = static_cast<double>(node.output.elements());
  KeptValues kept;
  kept.input = true;
  kept.elements = out;
  return elementwise_work(node, kCost, out * node.spec.size, out * node.spec.size, kept);
}

}  // namespace

LayerDefinition local_response_norm_definition() {
  LayerDefinition d;
  d.word = "local_response_norm";
  d.sentence =
      "Divides by activity of neighbouring channels. Keeps its input and its denominators.";
  d.infer = infer;
  d.work = work;
  d.cost = &kCost;
  d.make_f32 = make_local_response_norm<float>;
  d.make_f64 = make_local_response_norm<double>;
  return d;
}

namespace {

template <class T>
class LocalResponseNorm final : public Layer<T> {
 public:
  explicit LocalResponseNorm(const LayerNode& node)
      : shape_(node.output),
        row_(padded<T>(node.output.channels)),
        border_(padded<T>(node.spec.size)),
        size_(node.spec.size),
        alpha_(static_cast<T>(node.spec.alpha)),
        beta_(static_cast<T>(node.spec.beta)),
        k_(static_cast<T>(node.spec.k)) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_sample = shape_.pixels() * row_;  // d
    needs.scratch = 2 * row_ + 2 * border_;
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    T* squares = clear_line(args.scratch);
    T* saved = args.saved;
    for_each_pixel_of(x.batch, [&](int n, int i, int j) {
      const T* from = x.pixel(n, i, j);
      T* to = args.output.pixel(n, i, j);
      T* d = saved ? saved : args.scratch + row_ + 2 * border_;
      if (saved) saved += row_;
      for (int c = 0; c < shape_.channels; ++c) squares[c] = from[c] * from[c];
      window_sums(squares, size_ / 2, d);
      for (std::int64_t c = 0; c < row_; ++c) d[c] = k_ + alpha_ / static_cast<T>(size_) * d[c];
      for (int c = 0; c < shape_.channels; ++c) to[c] = from[c] * power(d[c]);
      std::fill(to + shape_.channels, to + row_, T(0));
    });
  }

  /// dx[c] = g[c] d[c]^-beta - 2 alpha beta / size x[c] sum of (g x d^(-beta-1))[j] over the j
  /// whose windows hold c.
  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    const T factor = T(2) * alpha_ * beta_ / static_cast<T>(size_);
    T* terms = clear_line(args.scratch);
    T* sums = args.scratch + row_ + 2 * border_;
    const T* d = args.saved;
    const bool accumulate = args.accumulate[0];
    for_each_pixel_of(args.gradient_output.batch, [&](int n, int i, int j) {
      const T* x = args.inputs[0].pixel(n, i, j);
      const T* g = args.gradient_output.pixel(n, i, j);
      T* dx = args.gradient_inputs[0].pixel(n, i, j);
      for (int c = 0; c < shape_.channels; ++c) terms[c] = g[c] * x[c] * power(d[c]) / d[c];
      window_sums(terms, (size_ - 1) / 2, sums);
      for (int c = 0; c < shape_.channels; ++c) {
        const T value = g[c] * power(d[c]) - factor * x[c] * sums[c];
        dx[c] = accumulate ? dx[c] + value : value;
      }
      if (!accumulate) std::fill(dx + shape_.channels, dx + row_, T(0));
      d += row_;
    });
  }

 private:
  template <class Body>
  void for_each_pixel_of(int batch, Body&& body) const {
    for (int n = 0; n < batch; ++n)
      for (int i = 0; i < shape_.height; ++i)
        for (int j = 0; j < shape_.width; ++j) body(n, i, j);
  }

  /// A line of channels with zeros on both sides, for windows that reach over the ends.
  T* clear_line(T* scratch) const {
    std::fill_n(scratch, row_ + 2 * border_, T(0));
    return scratch + border_;
  }

  /// sums[c] = line[c - before] + ... + line[c - before + size - 1]
  void window_sums(const T* line, int before, T* sums) const {
    for (std::int64_t c = 0; c < row_; c += kLanes<T>) {
      Lanes<T> sum{};
      for (int t = -before; t < size_ - before; ++t) sum += load_lanes<T>(line + c + t);
      store_lanes<T>(sums + c, sum);
    }
  }

  /// d^-beta; AlexNet's 3/4 without the price of pow.
  T power(T d) const {
    if (beta_ == T(0.75)) return T(1) / (std::sqrt(d) * std::sqrt(std::sqrt(d)));
    return std::pow(d, -beta_);
  }

  Shape shape_;
  std::int64_t row_, border_;
  int size_;
  T alpha_, beta_, k_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_local_response_norm(const LayerNode& node) {
  return std::make_unique<LocalResponseNorm<T>>(node);
}

template std::unique_ptr<Layer<float>> make_local_response_norm(const LayerNode&);
template std::unique_ptr<Layer<double>> make_local_response_norm(const LayerNode&);

}  // namespace stagecoach
