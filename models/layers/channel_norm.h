// SPDX-License-Identifier: Apache-2.0
// What norms with one parameter of each sort per channel have in common: their rows in the
// parameter block and in the state.
#pragma once

#include <algorithm>
#include <vector>

#include "models/base/tensor.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// Trainable parameters in the order of the node (weight, bias, ...) are rows 0, 1, ... of the
/// block; running statistics are rows 0, 1, ... of the state. A row is padded(channels) long.
template <class T>
class ChannelNorm : public Layer<T> {
 public:
  std::vector<ParameterSlot> slots() const override {
    std::vector<ParameterSlot> slots;
    for (int i = 0; i < trainable_; ++i) slots.push_back({i, i * row_, row_});
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
    std::fill_n(state, statistics_ * row_, T(0));
    if (statistics_ > 1) std::fill_n(state + row_, row_, T(1));
  }
  void import_state(int index, const T* pytorch, T* state) const override {
    import_row(pytorch, state + (index - trainable_) * row_);
  }
  void export_state(int index, const T* state, T* pytorch) const override {
    std::copy_n(state + (index - trainable_) * row_, channels_, pytorch);
  }

 protected:
  /// The node lists its trainable parameters before its statistics.
  explicit ChannelNorm(const LayerNode& node)
      : channels_(node.input_shapes[0].channels), row_(padded<T>(channels_)) {
    for (const ParameterSpec& p : node.parameters) ++(p.trainable() ? trainable_ : statistics_);
  }

  int channels() const { return channels_; }
  std::int64_t row() const { return row_; }  ///< elements of a row
  std::int64_t state_size() const { return statistics_ * row_; }

  /// into = from, or into += from, over a row.
  void give_row(const T* from, T* into, bool accumulate) const {
    for (std::int64_t c = 0; c < row_; ++c) into[c] = accumulate ? into[c] + from[c] : from[c];
  }

 private:
  void import_row(const T* pytorch, T* to) const {
    std::copy_n(pytorch, channels_, to);
    std::fill(to + channels_, to + row_, T(0));
  }

  int channels_;
  std::int64_t row_;
  int trainable_ = 0, statistics_ = 0;
};

}  // namespace stagecoach
