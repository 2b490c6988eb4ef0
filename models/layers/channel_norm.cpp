// SPDX-License-Identifier: Apache-2.0
// Statistics of channels and of groups of them, and the norms made of them.
#include "models/layers/channel_norm.h"

#include <cmath>

namespace stagecoach {
namespace {

template <class T>
double pixels_of(const View<const T>& x) {
  return static_cast<double>(x.batch) * x.height * x.width;
}

}  // namespace

template <class T>
Lanes<T> channel_deviation(const View<const T>& x, std::int64_t channel, const Lanes<T>& center) {
  const auto square = [&](auto v) {
    return (v - center.template cast<typename decltype(v)::Scalar>()).square();
  };
  const WideLanes<T> variance = pixel_sum(channel, square, x) / pixels_of(x);
  return variance.unaryExpr([](double v) { return std::sqrt(v); }).template cast<T>();
}

template <class T>
void channel_moments(const View<const T>& x, T* mean, T* deviation) {
  for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>) {
    const Lanes<T> center = (pixel_sum(
                                 c, [](auto v) { return v; }, x) /
                             pixels_of(x))
                                .template cast<T>();
    lanes(mean + c) = center;
    lanes(deviation + c) = channel_deviation(x, c, center);
  }
}

template <class T>
void MomentNorm<T>::group_statistics(T* statistics) const {
  const int size = this->channels() / groups_;
  auto means = this->padded_row(statistics, 0), inverses = this->padded_row(statistics, 1);
  for (int first = 0; first < this->channels(); first += size) {
    const auto mean = means.segment(first, size).template cast<double>();
    const auto deviation = inverses.segment(first, size).template cast<double>();
    const double m = mean.mean();
    const double variance = (deviation.square() + (mean - m).square()).mean();
    means.segment(first, size) = static_cast<T>(m);
    inverses.segment(first, size) = static_cast<T>(1 / std::sqrt(variance + epsilon_));
  }
  const std::int64_t pads = this->row_size() - this->channels();
  means.tail(pads) = inverses.tail(pads) = T(0);
}

template <class T>
void MomentNorm<T>::normalize(const View<const T>& x, const T* statistics, const T* parameters,
                              const View<T>& y) const {
  const std::int64_t size = this->row_size();
  for (std::int64_t c = 0; c < size; c += kLanes<T>) {
    const Lanes<T> mean = lanes(statistics + c);
    const Lanes<T> scale = lanes(statistics + size + c) * lanes(parameters + c);
    const Lanes<T> bias = lanes(parameters + size + c);
    for_each_pixel(
        c, [&](auto x, auto y) { y = (x - mean) * scale + bias; }, x, y);
  }
}

template <class T>
void MomentNorm<T>::gradients(const BackwardArgs<T>& args, const View<const T>& x,
                              const View<const T>& g, const T* statistics, bool add_parameters,
                              const View<T>& dx) const {
  const std::int64_t size = this->row_size();
  T* const sum_gxn = args.scratch;
  T* const sum_g = sum_gxn + size;
  for (std::int64_t c = 0; c < size; c += kLanes<T>) {
    const Lanes<T> mean = lanes(statistics + c), inverse = lanes(statistics + size + c);
    const auto sums = pixel_sums<2>(
        c,
        [&](auto& sum, auto x, auto g) {
          sum[0] += g * ((x - mean) * inverse);
          sum[1] += g;
        },
        x, g);
    lanes(sum_gxn + c) = sums[0].template cast<T>();
    lanes(sum_g + c) = sums[1].template cast<T>();
  }
  if (args.gradient_parameters)
    give(numbers(args.gradient_parameters, 2 * size), numbers(args.scratch, 2 * size),
         add_parameters);
  if (!dx) return;
  // The two means over the channel's group.
  auto mean_gxn = this->padded_row(args.scratch, 2), mean_g = this->padded_row(args.scratch, 3);
  mean_gxn = this->padded_row(args.parameters, 0) * numbers(sum_gxn, size);
  mean_g = this->padded_row(args.parameters, 0) * numbers(sum_g, size);
  const int channels = this->channels() / groups_;
  for (int first = 0; first < this->channels(); first += channels)
    for (auto* row : {&mean_gxn, &mean_g}) {
      auto of_group = row->segment(first, channels);
      of_group = static_cast<T>(of_group.template cast<double>().mean() / pixels_of(x));
    }
  for (std::int64_t c = 0; c < size; c += kLanes<T>) {
    const Lanes<T> mean = lanes(statistics + c), inverse = lanes(statistics + size + c);
    const Lanes<T> scale = inverse * lanes(args.parameters + c);
    const Lanes<T> slope = inverse * lanes(mean_gxn.data() + c);
    const Lanes<T> shift = inverse * lanes(mean_g.data() + c);
    const bool add = args.accumulate[0];
    for_each_pixel(
        c,
        [&](auto x, auto g, auto dx) {
          give(dx, scale * g - shift - slope * ((x - mean) * inverse), add);
        },
        x, g, dx);
  }
}

#define STAGECOACH_INSTANTIATE(T)                                                           \
  template Lanes<T> channel_deviation(const View<const T>&, std::int64_t, const Lanes<T>&); \
  template void channel_moments(const View<const T>&, T*, T*);                              \
  template class MomentNorm<T>;
STAGECOACH_INSTANTIATE(float)
STAGECOACH_INSTANTIATE(double)
#undef STAGECOACH_INSTANTIATE

}  // namespace stagecoach
