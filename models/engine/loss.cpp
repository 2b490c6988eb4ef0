// SPDX-License-Identifier: Apache-2.0
// Losses over the network's last value, and their gradients.
#include "models/engine/loss.h"

#include <cmath>
#include <string>

#include "models/base/error.h"
#include "models/base/maps.h"

namespace stagecoach {
namespace {

template <class T>
void check(LossKind kind, const View<const T>& output, const int* labels, const double* targets) {
  switch (kind) {
    case LossKind::softmax_cross_entropy:
      if (!labels) throw ModelBug("softmax_cross_entropy without labels");
      if (output.height * output.width != 1)
        throw ModelBug("softmax_cross_entropy over an image of more than one pixel");
      break;
    case LossKind::mean_squared_error:
      if (!targets) throw ModelBug("mean_squared_error without targets");
      break;
  }
  if (!labels) return;
  for (int n = 0; n < output.batch; ++n)
    if (labels[n] < 0 || labels[n] >= output.channels)
      throw ModelBug("label " + std::to_string(labels[n]) + " of " +
                     std::to_string(output.channels) + " classes");
}

/// The first of the largest, NaN aside.
template <class Y>
Eigen::Index first_largest(const Y& y) {
  Eigen::Index best = 0;
  for (Eigen::Index c = 1; c < y.size(); ++c)
    if (y[c] > y[best]) best = c;
  return best;
}

/// L = log sum_c exp(y_c) - y_label,  dL/dy = softmax(y) - e_label. Shifting by the largest keeps
/// exp() finite; the shift cancels.
template <class Y, class Gradient>
double cross_entropy(const Y& y, int label, double scale, Gradient dy) {
  using T = typename Gradient::Scalar;
  const auto shifted = y.template cast<double>() - static_cast<double>(y[first_largest(y)]);
  const double sum = shifted.exp().sum();
  if (dy.size()) {
    dy = (scale * shifted.exp() / sum).template cast<T>();
    dy[label] = static_cast<T>(scale * (std::exp(shifted[label]) / sum - 1));
  }
  return std::log(sum) - shifted[label];
}

/// L = 1/2 sum (y - t)^2,  dL/dy = y - t. Targets lie pixels by channels.
template <class T>
double squared_error(const View<const T>& output, int n, const double* targets, double scale,
                     const View<T>& gradient) {
  const std::int64_t pixels = std::int64_t{1} * output.height * output.width;
  double loss = 0;
  for (int i = 0; i < output.height; ++i) {
    const MatrixMap<const double> t(targets + i * output.width, output.width, output.channels,
                                    Eigen::OuterStride<>(pixels));
    const auto difference = row(output, n, i).template cast<double>() - t.transpose();
    loss += 0.5 * difference.squaredNorm();
    if (gradient) row(gradient, n, i) = (scale * difference).template cast<T>();
  }
  return loss;
}

}  // namespace

template <class T>
LossResult loss_and_gradient(LossKind kind, const View<const T>& output, const int* labels,
                             const double* targets, T gradient_scale, const View<T>& gradient) {
  check(kind, output, labels, targets);
  const std::int64_t elements = std::int64_t{1} * output.channels * output.height * output.width;
  LossResult result;
  for (int n = 0; n < output.batch; ++n) {
    const auto y = numbers(output.sample(n), output.channels);
    switch (kind) {
      case LossKind::softmax_cross_entropy:
        result.loss_sum += cross_entropy(
            y, labels[n], gradient_scale,
            numbers(gradient ? gradient.sample(n) : nullptr, gradient ? output.channels : 0));
        break;
      case LossKind::mean_squared_error:
        result.loss_sum +=
            squared_error(output, n, targets + n * elements, gradient_scale, gradient);
        break;
    }
    if (labels && first_largest(y) == labels[n]) ++result.correct;
  }
  if (gradient) clear_pads(gradient);
  return result;
}

template LossResult loss_and_gradient(LossKind, const View<const float>&, const int*, const double*,
                                      float, const View<float>&);
template LossResult loss_and_gradient(LossKind, const View<const double>&, const int*,
                                      const double*, double, const View<double>&);

}  // namespace stagecoach
