// SPDX-License-Identifier: Apache-2.0
// Convolution as plain loops over pixels, taps and channels; the innermost runs over outputs.
#include "models/kernels/conv_plain.h"

#include <algorithm>

namespace stagecoach {

template <class T>
void conv_plain_forward(const ConvGeometry& g, View<const T> input, const T* weights, const T* bias,
                        View<T> output) {
  const int in = g.group_in(), out = g.group_out();
  for (int n = 0; n < output.batch; ++n)
    for (int i = 0; i < g.out_height; ++i)
      for (int j = 0; j < g.out_width; ++j) {
        T* y = output.pixel(n, i, j);
        for (std::int64_t o = 0; o < g.weight_stride; ++o) y[o] = bias ? bias[o] : T(0);
        const T* row = weights;
        for (int p = 0; p < g.kernel; ++p)
          for (int q = 0; q < g.kernel; ++q) {
            const T* x = input.pixel(n, i * g.stride + p - g.padding, j * g.stride + q - g.padding);
            for (int c = 0; c < in; ++c, row += g.weight_stride)
              for (int k = 0; k < g.groups; ++k) {
                const T a = x[k * in + c];
                for (int o = 0; o < out; ++o) y[k * out + o] += a * row[k * out + o];
              }
          }
      }
}

template <class T>
void conv_plain_input_gradient(const ConvGeometry& g, View<const T> gradient_output,
                               const T* weights, bool accumulate, View<T> gradient_input) {
  const int in = g.group_in(), out = g.group_out();
  const View<T>& dx = gradient_input;
  if (!accumulate)
    for (int n = 0; n < dx.batch; ++n)
      for (int i = 0; i < g.height; ++i)
        for (int j = 0; j < g.width; ++j)
          std::fill_n(dx.pixel(n, i, j), padded<T>(dx.channels), T(0));
  for (int n = 0; n < dx.batch; ++n)
    for (int i = 0; i < g.out_height; ++i)
      for (int j = 0; j < g.out_width; ++j) {
        const T* dy = gradient_output.pixel(n, i, j);
        for (int t = 0; t < g.taps(); ++t) {
          const int row = i * g.stride + t / g.kernel - g.padding;
          const int column = j * g.stride + t % g.kernel - g.padding;
          if (row < 0 || row >= g.height || column < 0 || column >= g.width) continue;
          T* target = dx.pixel(n, row, column);
          for (int c = 0; c < g.in_channels; ++c) {
            const int first = c / in * out;
            const T* w = weights + (t * in + c % in) * g.weight_stride;
            T sum = 0;
            for (int o = first; o < first + out; ++o) sum += dy[o] * w[o];
            target[c] += sum;
          }
        }
      }
}

template <class T>
void conv_plain_weight_gradient(const ConvGeometry& g, View<const T> input,
                                View<const T> gradient_output, bool accumulate,
                                T* gradient_weights) {
  const int in = g.group_in(), out = g.group_out();
  if (!accumulate) std::fill_n(gradient_weights, g.weight_elements(), T(0));
  for (int n = 0; n < input.batch; ++n)
    for (int i = 0; i < g.out_height; ++i)
      for (int j = 0; j < g.out_width; ++j) {
        const T* dy = gradient_output.pixel(n, i, j);
        T* row = gradient_weights;
        for (int t = 0; t < g.taps(); ++t) {
          const T* x = input.pixel(n, i * g.stride + t / g.kernel - g.padding,
                                   j * g.stride + t % g.kernel - g.padding);
          for (int c = 0; c < in; ++c, row += g.weight_stride)
            for (int k = 0; k < g.groups; ++k) {
              const T a = x[k * in + c];
              for (int o = k * out; o < (k + 1) * out; ++o) row[o] += a * dy[o];
            }
        }
      }
}

template void conv_plain_forward(const ConvGeometry&, View<const float>, const float*, const float*,
                                 View<float>);
template void conv_plain_forward(const ConvGeometry&, View<const double>, const double*,
                                 const double*, View<double>);
template void conv_plain_input_gradient(const ConvGeometry&, View<const float>, const float*, bool,
                                        View<float>);
template void conv_plain_input_gradient(const ConvGeometry&, View<const double>, const double*,
                                        bool, View<double>);
template void conv_plain_weight_gradient(const ConvGeometry&, View<const float>, View<const float>,
                                         bool, float*);
template void conv_plain_weight_gradient(const ConvGeometry&, View<const double>,
                                         View<const double>, bool, double*);

}  // namespace stagecoach
