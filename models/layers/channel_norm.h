// SPDX-License-Identifier: Apache-2.0
// What norms with one parameter of each sort per channel have in common: their rows in the
// parameter block and in the state, and statistics of channels.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/base/maps.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// mean[c] and deviation[c] = sqrt(mean((x - mean[c])^2)) over all pixels; rows of
/// padded(channels). Two passes, and a deviation, not its square: right for all that T can hold.
template <class T>
void channel_moments(const View<const T>& x, T* mean, T* deviation);

/// deviation[c] about `center`, for channels [channel, channel + kLanes).
template <class T>
Lanes<T> channel_deviation(const View<const T>& x, std::int64_t channel, const Lanes<T>& center);

/// 1 / sqrt(v), correctly rounded steps (Eigen's own rsqrt() of doubles is not).
template <class V>
auto inverse_root(const V& v) {
  return v.unaryExpr([](double x) { return 1 / std::sqrt(x); });
}

/// Trainable parameters in the order of the node (weight, bias, ...) are rows 0, 1, ... of the
/// block; running statistics are rows 0, 1, ... of the state. A row is padded(channels) long.
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
    std::fill_n(state, statistics_ * size_, T(0));
    if (statistics_ > 1) std::fill_n(state + size_, size_, T(1));
  }
  void import_state(int index, const T* pytorch, T* state) const override {
    import_row(pytorch, state + (index - trainable_) * size_);
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
  std::int64_t state_size() const { return statistics_ * size_; }

  /// Row i of a block: one number per channel; the real ones alone, or pads included.
  template <class U>
  ArrayMap<U> channel_row(U* block, int i) const {
    return numbers(block + i * size_, channels_);
  }
  template <class U>
  ArrayMap<U> padded_row(U* block, int i) const {
    return numbers(block + i * size_, size_);
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
/// are two rows: mean and 1 / sqrt(var + epsilon) of each channel's group, 0 in pad lanes.
template <class T>
class MomentNorm : public ChannelNorm<T> {
 protected:
  MomentNorm(const LayerNode& node, int groups)
      : ChannelNorm<T>(node), groups_(groups), epsilon_(node.spec.epsilon) {}

  static constexpr int kStatistics = 2, kScratchRows = 4;

  /// From rows of channel means and deviations to those of their groups, in place.
  void group_statistics(T* statistics) const;
  /// y = weight xn + bias,  xn = (x - mean) inverse
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
