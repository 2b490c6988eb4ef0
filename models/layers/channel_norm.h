// SPDX-License-Identifier: Apache-2.0
// What norms with one parameter of each sort per channel have in common: their rows in the
// parameter block and in the state, and statistics of channels.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "models/base/maps.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// Mean and deviation sqrt(mean((x - mean)^2)) of each channel over all pixels; rows of
/// padded(channels). The mean is mean[c] + rest[c], for pixels far from zero and near each other
/// lie between neighbours of T: (x - mean) - rest has the digits that x has. Two passes, and a
/// deviation, not its square: right for all that T can hold. Squares that are lost beside `epsilon`
/// may be taken in T.
template <class T>
void channel_moments(const View<const T>& x, double epsilon, T* mean, T* rest, T* deviation);

/// sqrt(mean(x^2)) over all pixels, for channels [channel, channel + kLanes); `epsilon` as above.
template <class T>
Lanes<T> root_mean_square(const View<const T>& x, double epsilon, std::int64_t channel);

/// 1 / sqrt(v), correctly rounded steps (Eigen's own rsqrt() of doubles is not); T's largest number
/// where that is more, so that a distance of 0 stays 0.
template <class T>
T inverse_root(double v) {
  return static_cast<T>(std::min<double>(1 / std::sqrt(v), std::numeric_limits<T>::max()));
}
template <class T, class V>
auto inverse_roots(const V& v) {
  return v.unaryExpr([](double x) { return inverse_root<T>(x); });
}

/// Trainable parameters in the order of the node (weight, bias, ...) are rows 0, 1, ... of the
/// block; running statistics are rows 0, 1, ... of the state, and as many rows behind them hold
/// what T rounds off: a small step from a large number would else be no step. Files and evaluation
/// see the first rows alone, so that a saved network evaluates to the same bits. A row is
/// padded(channels) long.
template <class T>
class ChannelNorm : public Layer<T> {
 public:
  std::vector<ParameterSlot> slots() const override {
    std::vector<ParameterSlot> slots;
    for (int i = 0; i < trainable_; ++i) slots.push_back({i, i * size_, size_});
    return slots;
  }
  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override {
    import_row(pytorch, block + slot.offset);
  }
  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override {
    std::copy_n(block + slot.offset, channels_, pytorch);
  }
  /// PyTorch's start: mean 0, variance 1; control variables, if any, 0.
  void init_state(T* state) const override {
    std::fill_n(state, state_size(), T(0));
    if (statistics_ > 1) std::fill_n(state + size_, size_, T(1));
  }
  void import_state(int index, const T* pytorch, T* state) const override {
    import_row(pytorch, state + (index - trainable_) * size_);
    std::fill_n(state + (index - trainable_ + statistics_) * size_, size_, T(0));
  }
  void export_state(int index, const T* state, T* pytorch) const override {
    std::copy_n(state + (index - trainable_) * size_, channels_, pytorch);
  }

 protected:
  /// The node lists its trainable parameters before its statistics.
  explicit ChannelNorm(const LayerNode& node)
      : channels_(node.input_shapes[0].channels), size_(padded<T>(channels_)) {
    for (const ParameterSpec& p : node.parameters) ++(p.trainable() ? trainable_ : statistics_);
  }

  int channels() const { return channels_; }
  std::int64_t row_size() const { return size_; }  ///< elements of a row
  std::int64_t state_size() const { return 2 * statistics_ * size_; }

  /// Row i of a block: one number per channel; the real ones alone, or pads included.
  template <class U>
  ArrayMap<U> channel_row(U* block, int i) const {
    return numbers(block + i * size_, channels_);
  }
  template <class U>
  ArrayMap<U> padded_row(U* block, int i) const {
    return numbers(block + i * size_, size_);
  }
  /// xn = ((x - mean) - rest) inverse, for some channels or, of one group, for all.
  template <class Number>
  struct Normalized {
    Number mean, rest, inverse;
    template <class X>
    auto operator()(const X& x) const {
      return (x - mean - rest) * inverse;
    }
  };
  /// From rows of mean, rest and inverse: channels [channel, channel + kLanes).
  Normalized<Lanes<T>> normalized(const T* rows, std::int64_t channel) const {
    const T* const r = rows + channel;
    return {lanes(r), lanes(r + size_), lanes(r + 2 * size_)};
  }
  /// A row of one number per channel, in double.
  auto wide_row(const T* block, int i) const {
    return channel_row(block, i).template cast<double>();
  }
  /// Running statistic i with all its digits, in double.
  auto running(const T* state, int i) const {
    return wide_row(state, i) + wide_row(state, statistics_ + i);
  }
  template <class Values>
  void set_running(T* state, int i, const Values& values) const {
    auto row = channel_row(state, i), rest = channel_row(state, statistics_ + i);
    for (int c = 0; c < channels_; ++c) {  // the values may be made of these very rows
      const double value = values.coeff(c);
      row[c] = static_cast<T>(value);
      rest[c] = static_cast<T>(value - static_cast<double>(row[c]));
    }
  }

 private:
  void import_row(const T* pytorch, T* to) const {
    std::copy_n(pytorch, channels_, to);
    std::fill(to + channels_, to + size_, T(0));
  }

  int channels_;
  std::int64_t size_;
  int trainable_ = 0, statistics_ = 0;
};

/// Normalisation by the moments of groups of channels: what batch and group norm share. Statistics
/// are three rows: mean, the rest of it that T rounds off, and 1 / sqrt(var + epsilon) of each
/// channel's group, 0 in pad lanes.
template <class T>
class MomentNorm : public ChannelNorm<T> {
 protected:
  MomentNorm(const LayerNode& node, int groups)
      : ChannelNorm<T>(node), groups_(groups), epsilon_(node.spec.epsilon) {}

  static constexpr int kStatistics = 3, kScratchRows = 4;

  /// Of channels: mean, rest, deviation.
  void channel_statistics(const View<const T>& x, T* statistics) const {
    channel_moments(x, epsilon_, statistics, statistics + this->row_size(),
                    statistics + 2 * this->row_size());
  }
  /// From the statistics of channels to those of their groups, in place.
  void group_statistics(T* statistics) const;
  /// y = weight xn + bias
  void normalize(const View<const T>& x, const T* statistics, const T* parameters,
                 const View<T>& y) const;
  /// Gradients over all samples of the views; dx may be null.
  ///   dweight = sum g xn,  dbias = sum g
  ///   dx = inverse (weight g - mean_G(weight g) - xn mean_G(weight g xn)), over x's group G
  void gradients(const BackwardArgs<T>& args, const View<const T>& x, const View<const T>& g,
                 const T* statistics, bool add_parameters, const View<T>& dx) const;

 private:
  int groups_;
  double epsilon_;
};

}  // namespace stagecoach
