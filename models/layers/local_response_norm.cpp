// SPDX-License-Identifier: Apache-2.0
// Local response normalisation across channels.
#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// y[c] = x[c] d[c]^-beta,  d[c] = k + alpha / size * sum of x[j]^2, j from c - size/2 to
/// c + (size-1)/2 where such channels exist.
/// A row of pixels at a time, channels by columns.
template <class T>
class LocalResponseNorm final : public Layer<T> {
 public:
  explicit LocalResponseNorm(const LayerNode& node)
      : shape_(node.output),
        stride_(padded<T>(node.output.channels)),
        border_(padded<T>(node.spec.size)),
        size_(node.spec.size),
        alpha_(static_cast<T>(node.spec.alpha / node.spec.size)),
        beta_(static_cast<T>(node.spec.beta)),
        k_(static_cast<T>(node.spec.k)) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    needs.saved_per_sample = shape_.pixels() * stride_;  // d
    needs.scratch = (2 * stride_ + 2 * border_) * shape_.width;
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    auto lines = cleared_lines(args.scratch);
    const View<T> saved = Layout<T>(shape_, 0).view(args.saved, args.output.batch);
    for_each_row(args.output.batch, [&](int n, int i) {
      const auto x = row(args.inputs[0], n, i).array();
      MatrixMap<T> d = saved ? row(saved, n, i) : spare_row(args.scratch);
      lines.middleRows(border_, shape_.channels) = x.square().matrix();
      window_sums(lines, size_ / 2, d);
      d.array() = k_ + alpha_ * d.array();
      row(args.output, n, i) = (x * power(d.array())).matrix();
    });
    clear_pads(args.output);
  }

  /// dx[c] = g[c] d[c]^-beta - 2 alpha beta / size x[c] sum of (g x d^(-beta-1))[j] over the j
  /// whose windows hold c.
  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    auto lines = cleared_lines(args.scratch);
    MatrixMap<T> sums = spare_row(args.scratch);
    const View<const T> saved = Layout<T>(shape_, 0).view(args.saved, args.gradient_output.batch);
    for_each_row(args.gradient_output.batch, [&](int n, int i) {
      const auto x = row(args.inputs[0], n, i).array(), g = row(args.gradient_output, n, i).array();
      const auto d = row(saved, n, i).array();
      lines.middleRows(border_, shape_.channels) = (g * x * power(d) / d).matrix();
      window_sums(lines, (size_ - 1) / 2, sums);
      give(row(args.gradient_inputs[0], n, i).array(),
           g * power(d) - 2 * alpha_ * beta_ * x * sums.array(), args.accumulate[0]);
    });
    clear_pads(args.gradient_inputs[0]);
  }

 private:
  template <class Body>
  void for_each_row(int batch, Body&& body) const {
    for (int n = 0; n < batch; ++n)
      for (int i = 0; i < shape_.height; ++i) body(n, i);
  }

  /// A row of pixels with zeros before and behind the channels, for windows that reach over.
  MatrixMap<T> cleared_lines(T* scratch) const {
    MatrixMap<T> lines(scratch, stride_ + 2 * border_, shape_.width,
                       Eigen::OuterStride<>(stride_ + 2 * border_));
    lines.setZero();
    return lines;
  }
  MatrixMap<T> spare_row(T* scratch) const {
    return {scratch + (stride_ + 2 * border_) * shape_.width, shape_.channels, shape_.width,
            Eigen::OuterStride<>(stride_)};
  }

  /// sums[c] = lines[c - before] + ... + lines[c - before + size - 1]
  void window_sums(const MatrixMap<T>& lines, int before, MatrixMap<T>& sums) const {
    sums.setZero();
    for (int t = -before; t < size_ - before; ++t)
      sums += lines.middleRows(border_ + t, shape_.channels);
  }

  /// d^-beta; AlexNet's 3/4 without the price of pow.
  template <class D>
  auto power(const D& d) const {
    const bool roots = beta_ == T(0.75);
    return d.unaryExpr([beta = beta_, roots](T v) {
      return roots ? T(1) / (std::sqrt(v) * std::sqrt(std::sqrt(v))) : std::pow(v, -beta);
    });
  }

  Shape shape_;
  std::int64_t stride_, border_;
  int size_;
  T alpha_, beta_, k_;
};

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
  d.computed_by<LocalResponseNorm>();
  return d;
}

}  // namespace stagecoach
