// SPDX-License-Identifier: Apache-2.0
// Two-dimensional convolution (cross-correlation, as every framework has it) with its gradients.
#pragma once

#include <memory>

#include "models/base/maps.h"
#include "models/layers/conv_geometry.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// A conv2d layer: any square kernel, stride, padding, groups, channel counts, batch.
///
///   y[n,o,i,j]  = b[o] + sum_{c,p,q} w[o,c,p,q] x[n, c, s i + p - padding, s j + q - padding]
///   dx          = the transposed sum of w dy,  dw[o,c,p,q] = sum_{n,i,j} dy[n,o,i,j] x[...],
///   db[o]       = sum_{n,i,j} dy[n,o,i,j]
///
/// As products, with a column of X for the inputs that an output pixel meets (its patch):
///   Y = W X + b,   dW = dY X^T,   dX = W^T dY
///
/// Padding is the zeros in the input's halo; needs() asks for them. Parameters in PyTorch's order:
/// weight [out, in/groups, kernel, kernel], bias [out] (when the layer has one).
/// Throws ModelBug if the node is no conv2d with one input or its shapes do not fit each other.
template <class T>
class Conv2d : public Layer<T> {
 public:
  explicit Conv2d(const LayerNode& node);

  LayerNeeds needs() const override;
  std::vector<ParameterSlot> slots() const override;
  void import_parameter(const ParameterSlot& slot, const T* pytorch, T* block) const override;
  void export_parameter(const ParameterSlot& slot, const T* block, T* pytorch) const override;
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 protected:
  const ConvGeometry& geometry() const { return geometry_; }
  bool has_bias() const { return has_bias_; }
  void bias_gradient(const BackwardArgs<T>& args) const;

 private:
  std::int64_t pytorch_elements() const { return geometry_.weight_rows() * geometry_.out_channels; }
  std::int64_t engine_index(std::int64_t i) const;
  /// Weights of a group: output channels by (tap, input channel).
  template <class U>
  MatrixMap<U> matrix(U* block, int group) const;

  ConvGeometry geometry_;
  bool has_bias_ = false;
};

}  // namespace stagecoach
