// SPDX-License-Identifier: Apache-2.0
// Losses over the network's last value, and their gradients.
#include "models/engine/loss.h"

#include <cmath>
#include <string>

#include "models/base/error.h"

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

template <class T>
int first_largest(const T* values, int count) {
  int best = 0;
  for (int c = 1; c < count; ++c)
    if (values[c] > values[best]) best = c;
  return best;
}

template <class T>
void clear_pads(T* pixel, const View<T>& view) {
  for (std::int64_t c = view.channels; c < view.pixel_stride; ++c) pixel[c] = T(0);
}

template <class T>
double cross_entropy(const T* y, int classes, int label, double scale, T* gradient) {
  // Shifting by the largest keeps exp() finite; the shift cancels.
  const double largest = static_cast<double>(y[first_largest(y, classes)]);
  double sum = 0;
  for (int c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(y[c]) - largest);
  if (gradient) {
    for (int c = 0; c < classes; ++c) {
      const double share = std::exp(static_cast<double>(y[c]) - largest) / sum;
      gradient[c] = static_cast<T>(scale * (share - (c == label ? 1.0 : 0.0)));
    }
  }
  return std::log(sum) - (static_cast<double>(y[label]) - largest);
}

template <class T>
double squared_error(const View<const T>& output, int n, const double* targets, double scale,
                     const View<T>& gradient) {
  const std::int64_t pixels = std::int64_t{1} * output.height * output.width;
  double loss = 0;
  for (int i = 0; i < output.height; ++i)
    for (int j = 0; j < output.width; ++j) {
      const T* y = output.pixel(n, i, j);
      const double* t = targets + i * output.width + j;
      T* dy = gradient ? gradient.pixel(n, i, j) : nullptr;
      for (int c = 0; c < output.channels; ++c) {
        const double difference = static_cast<double>(y[c]) - t[c * pixels];
        loss += 0.5 * difference * difference;
        if (dy) dy[c] = static_cast<T>(scale * difference);
      }
      if (dy) clear_pads(dy, gradient);
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
    const T* y = output.sample(n);
    switch (kind) {
      case LossKind::softmax_cross_entropy: {
        T* dy = gradient ? gradient.sample(n) : nullptr;
        result.loss_sum += cross_entropy(y, output.channels, labels[n], gradient_scale, dy);
        if (dy) clear_pads(dy, gradient);
        break;
      }
      case LossKind::mean_squared_error:
        result.loss_sum +=
            squared_error(output, n, targets + n * elements, gradient_scale, gradient);
        break;
    }
    if (labels && first_largest(y, output.channels) == labels[n]) ++result.correct;
  }
  return result;
}

template LossResult loss_and_gradient(LossKind, const View<const float>&, const int*, const double*,
                                      float, const View<float>&);
template LossResult loss_and_gradient(LossKind, const View<const double>&, const int*,
                                      const double*, double, const View<double>&);

}  // namespace stagecoach
