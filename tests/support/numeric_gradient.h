// SPDX-License-Identifier: Apache-2.0
// The memory around one layer for tests, and a check of its gradients by central differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "models/layers/layer.h"

namespace stagecoach {

struct FixtureOptions {
  int batch = 1;
  int extra_halo = 0;     ///< rows of zeros beyond what the layer asks for: others may want more
  bool in_place = false;  ///< output in the input's buffer, input gradient in the output's
  unsigned seed = 1;
};

/// Owns everything that a layer's kernels read and write, sized by needs() and slots(), and hostile
/// where the contract allows: pad lanes of inputs hold large numbers, outputs and input gradients
/// start as junk, scratch and saved as NaN. Values go in and out as doubles in PyTorch's order.
///
///   LayerFixture<double> f(node, make_layer<double>(node), options);
///   f.forward();  f.backward();
///   std::vector<double> y = f.output(), dx = f.gradient_input(0), dw = f.gradient_parameter(0);
template <class T>
class LayerFixture {
 public:
  LayerFixture(const LayerNode& node, std::unique_ptr<Layer<T>> layer, FixtureOptions options = {})
      : node_(node), layer_(std::move(layer)), options_(options), random_(options.seed) {
    const LayerNeeds needs = layer_->needs();
    for (const Shape& s : node_.input_shapes) {
      input_layouts_.emplace_back(s, needs.input_halo + options_.extra_halo);
      inputs_.emplace_back(input_layouts_.back().size(options_.batch));
      gradient_input_layouts_.emplace_back(s, options_.extra_halo);
      gradient_inputs_.emplace_back(gradient_input_layouts_.back().size(options_.batch));
    }
    output_layout_ = Layout<T>(node_.output, options_.extra_halo);
    output_ = Buffer<T>(output_layout_.size(options_.batch));
    gradient_output_layout_ = Layout<T>(node_.output, needs.gradient_halo + options_.extra_halo);
    gradient_output_ = Buffer<T>(gradient_output_layout_.size(options_.batch));
    std::int64_t block = 0;
    for (const ParameterSlot& slot : layer_->slots())
      block = std::max(block, slot.offset + slot.size);
    parameters_ = Buffer<T>(block);
    gradient_parameters_ = Buffer<T>(block);
    saved_ = Buffer<T>(needs.saved_per_micro_batch + options_.batch * needs.saved_per_sample);
    scratch_ = Buffer<T>(needs.scratch);
    state_ = Buffer<T>(needs.state);
    layer_->init_state(state_.data());
    for (int n = 0; n < options_.batch; ++n) keys_.push_back(1234567u + 89u * n);
    fill_random();
  }

  const Layer<T>& layer() const { return *layer_; }
  const LayerNode& node() const { return node_; }
  int batch() const { return options_.batch; }
  T* parameters() { return parameters_.data(); }
  T* saved() { return saved_.data(); }
  std::int64_t saved_elements() const { return saved_.size(); }
  T* gradient_parameters() { return gradient_parameters_.data(); }
  std::int64_t parameter_elements() const { return parameters_.size(); }
  T* state() { return state_.data(); }
  std::int64_t state_elements() const { return state_.size(); }

  View<T> input_view(int i) { return input_layouts_[i].view(inputs_[i].data(), batch()); }
  View<T> output_view() {
    return options_.in_place ? input_view(0) : output_layout_.view(output_.data(), batch());
  }
  View<T> gradient_output_view() {
    return gradient_output_layout_.view(gradient_output_.data(), batch());
  }
  View<T> gradient_input_view(int i) {
    if (options_.in_place) return gradient_output_view();
    return gradient_input_layouts_[i].view(gradient_inputs_[i].data(), batch());
  }

  /// [sample][channel][row][column]
  std::vector<double> input(int i) { return read(input_view(i)); }
  std::vector<double> output() { return read(output_view()); }
  std::vector<double> gradient_output() { return read(gradient_output_view()); }
  std::vector<double> gradient_input(int i) { return read(gradient_input_view(i)); }
  void set_input(int i, const std::vector<double>& values) { write(input_view(i), values); }
  void set_gradient_output(const std::vector<double>& values) {
    write(gradient_output_view(), values);
  }
  void set_gradient_input(int i, const std::vector<double>& values) {
    write(gradient_input_view(i), values);
    fill_pads(gradient_input_view(i), T(0));
  }

  /// PyTorch's order; `slot` is an index in slots().
  std::vector<double> parameter(int slot) { return exported(slot, parameters_.data()); }
  std::vector<double> gradient_parameter(int slot) {
    return exported(slot, gradient_parameters_.data());
  }
  void set_parameter(int slot, const std::vector<double>& values) {
    const std::vector<T> typed(values.begin(), values.end());
    layer_->import_parameter(layer_->slots()[slot], typed.data(), parameters_.data());
  }

  void forward(bool training = true) {
    poison(scratch_);
    if (training) poison(saved_);
    if (!options_.in_place) fill_interior(output_view(), T(4321));
    run_forward(training);
  }

  /// The layer's forward and nothing else. `again`: ForwardArgs::again.
  void run_forward(bool training, bool again = false) {
    forward_inputs_.clear();
    for (std::size_t i = 0; i < inputs_.size(); ++i) forward_inputs_.push_back(input_view(int(i)));
    ForwardArgs<T> args;
    args.inputs = forward_inputs_.data();
    args.output = output_view();
    args.parameters = parameters_.data();
    args.state = state_.data();
    args.saved = training ? saved_.data() : nullptr;
    args.scratch = scratch_.data();
    args.training = training;
    args.again = again;
    args.sample_keys = keys_.data();
    layer_->forward(args);
  }

  /// The arguments of a plain backward: every gradient wanted, overwriting. Change and hand to
  /// run(); pointers stay valid until the next call.
  BackwardArgs<T>& backward_args() {
    const LayerNeeds needs = layer_->needs();
    backward_inputs_.clear();
    backward_gradients_.clear();
    accumulate_ = std::make_unique<bool[]>(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      View<const T> input = input_view(int(i));
      if (!needs.backward_reads_input) input.data = nullptr;
      backward_inputs_.push_back(input);
      backward_gradients_.push_back(gradient_input_view(int(i)));
      accumulate_[i] = false;
    }
    backward_ = {};
    backward_.inputs = backward_inputs_.data();
    backward_.output = output_view();
    if (!needs.backward_reads_output) backward_.output.data = nullptr;
    backward_.gradient_output = gradient_output_view();
    backward_.gradient_inputs = backward_gradients_.data();
    backward_.accumulate = accumulate_.get();
    backward_.parameters = parameters_.data();
    backward_.gradient_parameters = gradient_parameters_.data();
    backward_.state = state_.data();
    backward_.saved = saved_.data();
    backward_.scratch = scratch_.data();
    backward_.sample_keys = keys_.data();
    return backward_;
  }
  View<T>& wanted_gradient(int i) { return backward_gradients_[i]; }
  bool& accumulate(int i) { return accumulate_[i]; }

  void run(const BackwardArgs<T>& args) {
    poison(scratch_);
    layer_->backward(args);
  }

  void backward() {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (!options_.in_place) fill_interior(gradient_input_view(int(i)), T(4321));
    std::fill_n(gradient_parameters_.data(), gradient_parameters_.size(), T(4321));
    run(backward_args());
  }

  /// True if every pad lane of the input gradients' interiors is zero and every halo still is.
  bool gradient_pads_and_halos_are_zero() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const View<T> view = gradient_input_view(int(i));
      const Layout<T>& layout =
          options_.in_place ? gradient_output_layout_ : gradient_input_layouts_[i];
      if (!outside_is_zero(layout, view, true)) return false;
    }
    return true;
  }
  /// True if forward left the zeros around its output alone.
  bool output_halo_is_zero() {
    return outside_is_zero(options_.in_place ? input_layouts_[0] : output_layout_, output_view(),
                           false);
  }

  /// New random inputs, parameters and output gradient in (-1, 1).
  void fill_random() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      fill_pads(input_view(int(i)), T(777));
      set_input(int(i), randoms(node_.input_shapes[i].elements() * batch()));
    }
    set_gradient_output(randoms(node_.output.elements() * batch()));
    const auto slots = layer_->slots();
    for (std::size_t s = 0; s < slots.size(); ++s)
      set_parameter(int(s), randoms(node_.parameters[slots[s].parameter].elements()));
  }

  std::vector<double> randoms(std::int64_t n) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<double> values(n);
    for (double& v : values)
      v = static_cast<T>(uniform(random_));  // the same number in f32 and f64
    return values;
  }

 private:
  static std::vector<double> read(const View<T>& v) {
    std::vector<double> values;
    for (int n = 0; n < v.batch; ++n)
      for (int c = 0; c < v.channels; ++c)
        for (int y = 0; y < v.height; ++y)
          for (int x = 0; x < v.width; ++x) values.push_back(v.pixel(n, y, x)[c]);
    return values;
  }
  static void write(const View<T>& v, const std::vector<double>& values) {
    std::size_t i = 0;
    for (int n = 0; n < v.batch; ++n)
      for (int c = 0; c < v.channels; ++c)
        for (int y = 0; y < v.height; ++y)
          for (int x = 0; x < v.width; ++x) v.pixel(n, y, x)[c] = static_cast<T>(values.at(i++));
  }
  static void fill_pads(const View<T>& v, T value) { fill(v, v.channels, value); }
  static void fill_interior(const View<T>& v, T value) { fill(v, 0, value); }
  static void fill(const View<T>& v, int first_channel, T value) {
    for (int n = 0; n < v.batch; ++n)
      for (int y = 0; y < v.height; ++y)
        for (int x = 0; x < v.width; ++x)
          for (std::int64_t c = first_channel; c < v.pixel_stride; ++c) v.pixel(n, y, x)[c] = value;
  }
  static void poison(const Buffer<T>& b) {
    std::fill_n(b.data(), b.size(), std::numeric_limits<T>::quiet_NaN());
  }
  static bool outside_is_zero(const Layout<T>& layout, const View<T>& v, bool pads_too) {
    for (int n = 0; n < v.batch; ++n)
      for (int y = -layout.halo; y < v.height + layout.halo; ++y)
        for (int x = -layout.halo; x < v.width + layout.halo; ++x) {
          const bool inside = y >= 0 && y < v.height && x >= 0 && x < v.width;
          if (inside && !pads_too) continue;
          const T* p = v.data + n * v.sample_stride + y * v.row_stride + x * v.pixel_stride;
          for (std::int64_t c = inside ? v.channels : 0; c < v.pixel_stride; ++c)
            if (p[c] != T(0)) return false;
        }
    return true;
  }
  std::vector<double> exported(int slot, const T* block) {
    const ParameterSlot where = layer_->slots()[slot];
    std::vector<T> typed(node_.parameters[where.parameter].elements());
    layer_->export_parameter(where, block, typed.data());
    return std::vector<double>(typed.begin(), typed.end());
  }

  LayerNode node_;
  std::unique_ptr<Layer<T>> layer_;
  FixtureOptions options_;
  std::mt19937 random_;
  std::vector<Layout<T>> input_layouts_, gradient_input_layouts_;
  Layout<T> output_layout_, gradient_output_layout_;
  std::vector<Buffer<T>> inputs_, gradient_inputs_;
  Buffer<T> output_, gradient_output_, parameters_, gradient_parameters_, saved_, scratch_, state_;
  std::vector<std::uint64_t> keys_;
  std::vector<View<const T>> forward_inputs_, backward_inputs_;
  std::vector<View<T>> backward_gradients_;
  std::unique_ptr<bool[]> accumulate_;
  BackwardArgs<T> backward_;
};

/// The gradient element where backward() and the central difference disagree most.
struct GradientError {
  double relative = 0;  ///< |analytic - numeric| / largest gradient of the same tensor
  double analytic = 0;
  double numeric = 0;
  std::string where;  ///< "input 0 element 17" or "parameter 1 element 3"
};

namespace numeric_gradient_detail {

/// loss = sum of gradient_output x output, so that dL/d output is gradient_output.
inline double loss(LayerFixture<double>& f, const std::vector<double>& state,
                   const std::vector<double>& weights) {
  std::copy(state.begin(), state.end(), f.state());
  f.forward();
  const std::vector<double> y = f.output();
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
  return sum;
}

template <class Set>
void compare(LayerFixture<double>& f, const std::vector<double>& state,
             const std::vector<double>& weights, std::vector<double> values,
             const std::vector<double>& analytic, const std::string& name, double step, Set set,
             GradientError& worst) {
  std::vector<double> numeric(values.size());
  double largest = 1e-6;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double at = values[i];
    values[i] = at + step;
    set(values);
    const double above = loss(f, state, weights);
    values[i] = at - step;
    set(values);
    const double below = loss(f, state, weights);
    values[i] = at;
    numeric[i] = (above - below) / (2 * step);
    largest = std::max({largest, std::abs(numeric[i]), std::abs(analytic[i])});
  }
  set(values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double relative = std::abs(analytic[i] - numeric[i]) / largest;
    if (!(relative <= worst.relative))  // NaN counts as worst
      worst = {relative, analytic[i], numeric[i], name + " element " + std::to_string(i)};
  }
}

}  // namespace numeric_gradient_detail

/// Compares every input gradient and every parameter gradient of the fixture's layer with
/// (L(x + step) - L(x - step)) / (2 step) for L = <gradient_output, output>. The fixture's inputs
/// and parameters are as before afterwards. Smooth layers reach about 1e-9; at kinks (relu, max)
/// pick inputs further than `step` from them.
inline GradientError worst_gradient_error(LayerFixture<double>& f, double step = 1e-5) {
  using numeric_gradient_detail::compare;
  const std::vector<double> state(f.state(), f.state() + f.state_elements());
  const std::vector<double> weights = f.gradient_output();
  const int inputs = static_cast<int>(f.node().input_shapes.size());
  const int slots = static_cast<int>(f.layer().slots().size());
  std::vector<std::vector<double>> values, dx, dw;
  for (int i = 0; i < inputs; ++i) values.push_back(f.input(i));  // in place, forward eats them
  f.forward();
  f.backward();
  for (int i = 0; i < inputs; ++i) dx.push_back(f.gradient_input(i));
  for (int s = 0; s < slots; ++s) dw.push_back(f.gradient_parameter(s));
  GradientError worst;
  for (int i = 0; i < inputs; ++i)
    compare(
        f, state, weights, values[i], dx[i], "input " + std::to_string(i), step,
        [&](const std::vector<double>& v) {
          for (int j = 0; j < inputs; ++j) f.set_input(j, j == i ? v : values[j]);
        },
        worst);
  for (int s = 0; s < slots; ++s)
    compare(
        f, state, weights, f.parameter(s), dw[s], "parameter " + std::to_string(s), step,
        [&](const std::vector<double>& v) {
          for (int j = 0; j < inputs; ++j) f.set_input(j, values[j]);
          f.set_parameter(s, v);
        },
        worst);
  std::copy(state.begin(), state.end(), f.state());
  f.set_gradient_output(weights);
  return worst;
}

}  // namespace stagecoach
