// SPDX-License-Identifier: Apache-2.0
// Fully connected layer with its gradients.
#pragma once

#include <memory>

#include "models/base/maps.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// A linear layer: Y = W X + b; dX = W^T dY, dW = dY X^T, db = dY summed over samples; X, Y are
/// features by samples. Takes and gives rank-1 values. Parameters in PyTorch's order: weight
/// [out, in], bias [out] (when the layer has one). Throws ModelBug if the node is no linear layer
/// with one input or its shapes do not fit each other.
template <class T>
class Linear : public Layer<T> {
 public:
  explicit Linear(const LayerNode& node);

  LayerNeeds needs() const override;
  std::vector<ParameterSlot> slots() const override;
  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override;
  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override;
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 protected:
  int in() const { return in_; }
  int out() const { return out_; }
  bool has_bias() const { return has_bias_; }
  /// Elements of the weights in the block; the bias follows.
  std::int64_t weights() const { return in_ * padded<T>(out_); }
  template <class U>
  MatrixMap<U> matrix(U* block) const {
    return {block, out_, in_, Eigen::OuterStride<>(padded<T>(out_))};
  }
  template <class U>
  ArrayMap<U> bias(U* block) const {
    return numbers(block + weights(), out_);
  }

 private:
  int in_ = 1;
  int out_ = 1;
  bool has_bias_ = false;
};

}  // namespace stagecoach
