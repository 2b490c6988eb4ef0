// SPDX-License-Identifier: Apache-2.0
// Linear layer of which only some weights exist: sums over connections.
#include <string>

#include "models/base/error.h"
#include "models/base/maps.h"
#include "models/layers/connections.h"
#include "models/layers/definition.h"
#include "models/layers/product.h"

namespace stagecoach {
namespace {

/// y[o] = b[o] + sum of w[c] x[input of c] over the connections c of o. Block: the weights in the
/// order of the connections, then the biases.
template <class T>
class SparseLinear : public Layer<T> {
 public:
  explicit SparseLinear(const LayerNode& node) {
    const LayerSpec& spec = node.spec;
    if (node.parameters.size() != (spec.bias ? 2u : 1u))
      throw ModelBug("sparse_linear: the shapes of layer '" + spec.name + "' do not fit");
    in_ = node.input_shapes.at(0).channels;
    out_ = node.output.channels;
    has_bias_ = spec.bias;
    most_fan_out_ = connection_counts(spec, in_).most_fan_out;
    links_ = make_connections(spec, in_);
  }

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.backward_reads_input = true;
    if (has_long_columns()) needs.scratch = padded<T>(in_);
    return needs;
  }

  std::vector<ParameterSlot> slots() const override {
    std::vector<ParameterSlot> slots{{0, 0, weights()}};
    if (has_bias_) slots.push_back({1, weights(), padded<T>(out_)});
    return slots;
  }

  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override {
    const std::int64_t n = numbers_of(slot);
    numbers(block + slot.offset, slot.size).setZero();
    numbers(block + slot.offset, n) = numbers(pytorch, n);
  }
  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override {
    const std::int64_t n = numbers_of(slot);
    numbers(pytorch, n) = numbers(block + slot.offset, n);
  }

  void forward(const ForwardArgs<T>& args) const override {
    const auto x = samples(args.inputs[0]);
    auto y = samples(args.output);
    const T* w = args.parameters;
    for (Eigen::Index n = 0; n < y.cols(); ++n) {
      for (int o = 0; o < out_; ++o) {
        const T bias = has_bias_ ? w[weights() + o] : T(0);
        const bool is_long = links_.first[o + 1] - links_.first[o] > kPlainTerms;
        y(o, n) = is_long ? sum_of_row<double>(o, bias, w, x.col(n).data())
                          : sum_of_row<T>(o, bias, w, x.col(n).data());
      }
    }
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (args.gradient_inputs[0]) input_gradient(args);
    if (args.gradient_parameters) parameter_gradients(args);
  }

 private:
  /// True if an input meets so many outputs that its gradient would lose digits.
  bool has_long_columns() const { return most_fan_out_ > kPlainTerms; }

  template <class Sum>
  T sum_of_row(int o, T bias, const T* w, const T* x) const {
    Sum sum = bias;
    for (int c = links_.first[o]; c < links_.first[o + 1]; ++c)
      sum += Sum(w[c]) * x[links_.input[c]];
    return static_cast<T>(sum);
  }

  std::int64_t weights() const { return padded<T>(static_cast<int>(links_.input.size())); }
  std::int64_t numbers_of(const ParameterSlot& slot) const {
    return slot.parameter == 1 ? out_ : static_cast<std::int64_t>(links_.input.size());
  }

  /// Calls body(input, its weight times the output's gradient) for every connection.
  template <class Body>
  void for_each_product(const T* w, const T* dy, Body&& body) const {
    for (int o = 0; o < out_; ++o)
      for (int c = links_.first[o]; c < links_.first[o + 1]; ++c)
        body(links_.input[c], w[c] * dy[o]);
  }

  void input_gradient(const BackwardArgs<T>& args) const {
    const auto dy = samples(args.gradient_output);
    auto dx = samples(args.gradient_inputs[0]);
    if (!args.accumulate[0]) dx.setZero();
    for (Eigen::Index n = 0; n < dx.cols(); ++n) {
      if (has_long_columns()) {
        numbers(args.scratch, in_).setZero();
        for_each_product(args.parameters, dy.col(n).data(), [&](int i, T product) {
          add_compensated(&dx(i, n), args.scratch + i, &product, 1);
        });
        dx.col(n) += numbers(args.scratch, in_).matrix();
      } else {
        for_each_product(args.parameters, dy.col(n).data(),
                         [&](int i, T product) { dx(i, n) += product; });
      }
    }
    clear_pads(args.gradient_inputs[0]);
  }

  void parameter_gradients(const BackwardArgs<T>& args) const {
    const auto x = samples(args.inputs[0]), dy = samples(args.gradient_output);
    T* dw = args.gradient_parameters;
    const bool add = args.accumulate_parameters;
    for (int o = 0; o < out_; ++o) {
      for (int c = links_.first[o]; c < links_.first[o + 1]; ++c) {
        T sum = 0;
        for (Eigen::Index n = 0; n < x.cols(); ++n) sum += dy(o, n) * x(links_.input[c], n);
        dw[c] = add ? dw[c] + sum : sum;
      }
    }
    const auto used = static_cast<std::int64_t>(links_.input.size());
    numbers(dw + used, weights() - used).setZero();
    if (has_bias_) sum_of_pixels(args.gradient_output, dw + weights(), add);
  }

  int in_ = 0;
  int out_ = 0;
  std::int64_t most_fan_out_ = 0;
  bool has_bias_ = true;
  Connections links_;
};

void infer(LayerResolver& layer) {
  const Shape& in = layer.in();
  if (in.rank != 1) {
    layer.issue("", "sparse_linear needs features [F], its input is " + to_string(in) +
                        "; put a flatten layer before it");
    return;
  }
  const int features = in.channels, out = layer.spec.out_features;
  if (!layer.need_at_least("out_features", out, 1)) return;
  const ConnectionProblem problem = connection_problem(layer.spec, features);
  if (!problem.message.empty()) return layer.issue(problem.field, problem.message);
  layer.node.output = Shape::features(out);
  const auto connections = static_cast<int>(connection_counts(layer.spec, features).connections);
  const int fan_in = std::max(1, connections / out), fan_out = std::max(1, connections / features);
  layer.parameter("weight", {connections}, ParameterRole::weight, fan_in, fan_out);
  if (layer.spec.bias) layer.parameter("bias", {out}, ParameterRole::bias, fan_in, fan_out);
}

/// A dot product of its own for every output (forward; the weight gradient its outer product) or
/// input (input gradient), since each reads other values: nothing that a matrix unit could share.
LayerWork work(const LayerNode& node) {
  const std::int64_t in = node.input_shapes.at(0).channels, out = node.output.channels;
  const ConnectionCounts n = connection_counts(node.spec, static_cast<int>(in));
  const Operand x{OperandRole::activation, in}, y{OperandRole::activation, out};
  const Operand dx{OperandRole::gradient, in}, dy{OperandRole::gradient, out};
  const Operand w{OperandRole::weight, n.connections};
  const Operand dw{OperandRole::weight_gradient, n.connections};
  LayerWork work;
  work.products = {{out, {1}, {n.most_fan_in}, {1}, x, w, y},
                   {in, {1}, {n.most_fan_out}, {1}, dy, w, dx},
                   {out, {n.most_fan_in}, {1}, {1}, x, dy, dw}};
  for (MatrixProduct& p : work.products) p.connections = n.connections;
  if (node.spec.bias) {
    for (MatrixProduct* p : {&work.products.front(), &work.products.back()}) {
      p->fused_cost = &kBiasCost;
      p->fused_elements = static_cast<double>(out);
    }
  }
  work.kept.input = true;
  return work;
}

}  // namespace

LayerDefinition sparse_linear_definition() {
  LayerDefinition d;
  d.word = "sparse_linear";
  d.sentence =
      "Linear with some of the weights only, drawn once from a seed or listed. `weight` has a "
      "value "
      "for each connection: output by output, its inputs ascending. Keeps its input.";
  d.infer = infer;
  d.work = work;
  d.cost = &kBiasCost;
  d.computed_by<SparseLinear>();
  return d;
}

}  // namespace stagecoach
