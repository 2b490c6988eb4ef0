// SPDX-License-Identifier: Apache-2.0
// Losses over the network's last value, and their gradients.
#pragma once

#include "models/base/tensor.h"
#include "models/train_spec.h"

namespace stagecoach {

struct LossResult {
  double loss_sum = 0;  ///< over the samples of the micro-batch; NaN or infinite if an output is
  /// Samples whose largest output (the first, of equals) is their label; none with an output that
  /// is not finite.
  int correct = 0;
};

/// Loss of a micro-batch and, unless `gradient` is a null view, gradient_scale x its derivative.
///
///   softmax_cross_entropy  L = log sum_c exp(y_c) - y_label, per sample; `output` has one pixel,
///                          its channels are the classes; dL/dy_c = softmax(y)_c - [c = label]
///   mean_squared_error     L = 1/2 sum (y - t)^2, per sample; dL/dy = y - t
///
/// `labels`: one per sample; needed by softmax_cross_entropy, else only counts `correct` (null: 0).
/// `targets`: C H W values per sample, channel outermost; needed by mean_squared_error.
/// `gradient_scale` is 1 / (samples of the mini-batch): gradients are means over the mini-batch.
/// The arithmetic is in double for either T. Pad lanes of `gradient` become zero.
/// Throws ModelBug if what the kind needs is missing or a label is no class.
template <class T>
LossResult loss_and_gradient(LossKind kind, const View<const T>& output, const int* labels,
                             const double* targets, T gradient_scale, const View<T>& gradient);

}  // namespace stagecoach
