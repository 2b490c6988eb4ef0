// SPDX-License-Identifier: Apache-2.0
// Passes over a value that the normalisation layers share.
#include "models/layers/norm_kernels.h"

#include <cmath>

#include "models/layers/lanes.h"

namespace stagecoach {
namespace {

template <class T>
T pixels_of(const View<const T>& x, SampleRange samples) {
  return static_cast<T>(std::int64_t{1} * samples.count() * x.height * x.width);
}

}  // namespace

template <class T>
void channel_moments(const View<const T>& x, SampleRange samples, T* mean, T* squares) {
  const Lanes<T> share = all_lanes(T(1) / pixels_of(x, samples));
  for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>) {
    const Lanes<T> origin = load_lanes<T>(x.sample(samples.begin) + c);
    Lanes<T> sum[kChains]{}, square[kChains]{};
    for_each_pixel(
        samples, c,
        [&](int k, const T* p) {
          const Lanes<T> d = load_lanes<T>(p) - origin;
          sum[k] += d;
          square[k] += d * d;
        },
        x);
    const Lanes<T> s = total<T>(sum);
    const Lanes<T> m2 = total<T>(square) - s * s * share;
    store_lanes<T>(mean + c, origin + s * share);
    store_lanes<T>(squares + c, m2 < Lanes<T>{} ? Lanes<T>{} : m2);  // NaN stays NaN
  }
}

template <class T>
void apply_channel_map(const View<const T>& x, SampleRange samples, const T* mean, const T* scale,
                       const T* shift, const View<T>& y) {
  for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>) {
    const Lanes<T> m = load_lanes<T>(mean + c), a = load_lanes<T>(scale + c),
                   b = load_lanes<T>(shift + c);
    for_each_pixel(
        samples, c,
        [&](int, const T* from, T* to) { store_lanes<T>(to, (load_lanes<T>(from) - m) * a + b); },
        x, y);
  }
}

template <class T>
void channel_gradient_sums(const View<const T>& x, const View<const T>& g, SampleRange samples,
                           const T* mean, T* sum_g, T* sum_gx) {
  for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>) {
    const Lanes<T> m = load_lanes<T>(mean + c);
    Lanes<T> sum[kChains]{}, product[kChains]{};
    for_each_pixel(
        samples, c,
        [&](int k, const T* at_x, const T* at_g) {
          const Lanes<T> gradient = load_lanes<T>(at_g);
          sum[k] += gradient;
          product[k] += gradient * (load_lanes<T>(at_x) - m);
        },
        x, g);
    store_lanes<T>(sum_g + c, total<T>(sum));
    store_lanes<T>(sum_gx + c, total<T>(product));
  }
}

template <class T>
void apply_channel_gradient(const View<const T>& x, const View<const T>& g, SampleRange samples,
                            const T* mean, const T* scale, const T* slope, const T* shift,
                            bool accumulate, const View<T>& dx) {
  for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>) {
    const Lanes<T> m = load_lanes<T>(mean + c), a = load_lanes<T>(scale + c),
                   b = load_lanes<T>(slope + c), s = load_lanes<T>(shift + c);
    for_each_pixel(
        samples, c,
        [&](int, const T* at_x, const T* at_g, T* to) {
          Lanes<T> d = load_lanes<T>(at_g) * a + ((load_lanes<T>(at_x) - m) * b + s);
          if (accumulate) d += load_lanes<T>(to);
          store_lanes<T>(to, d);
        },
        x, g, dx);
  }
}

template <class T>
void group_statistics(int channels, int groups, std::int64_t pixels, double epsilon,
                      const T* channel_mean, const T* channel_squares, T* mean, T* inverse) {
  const int per_group = channels / groups;
  const double values = static_cast<double>(per_group) * static_cast<double>(pixels);
  for (int first = 0; first < channels; first += per_group) {
    const int end = first + per_group;
    double sum = 0, squares = 0;
    for (int c = first; c < end; ++c) sum += channel_mean[c];
    const double m = sum / per_group;
    for (int c = first; c < end; ++c) {
      const double off = channel_mean[c] - m;
      squares += channel_squares[c] + static_cast<double>(pixels) * off * off;
    }
    const T r = static_cast<T>(1.0 / std::sqrt(squares / values + epsilon));
    for (int c = first; c < end; ++c) {
      mean[c] = static_cast<T>(m);
      inverse[c] = r;
    }
  }
  for (std::int64_t c = channels; c < padded<T>(channels); ++c) mean[c] = inverse[c] = T(0);
}

#define STAGECOACH_INSTANTIATE(T)                                                                  \
  template void channel_moments(const View<const T>&, SampleRange, T*, T*);                        \
  template void apply_channel_map(const View<const T>&, SampleRange, const T*, const T*, const T*, \
                                  const View<T>&);                                                 \
  template void channel_gradient_sums(const View<const T>&, const View<const T>&, SampleRange,     \
                                      const T*, T*, T*);                                           \
  template void apply_channel_gradient(const View<const T>&, const View<const T>&, SampleRange,    \
                                       const T*, const T*, const T*, const T*, bool,               \
                                       const View<T>&);                                            \
  template void group_statistics(int, int, std::int64_t, double, const T*, const T*, T*, T*);
STAGECOACH_INSTANTIATE(float)
STAGECOACH_INSTANTIATE(double)
#undef STAGECOACH_INSTANTIATE

}  // namespace stagecoach
