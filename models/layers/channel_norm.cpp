// SPDX-License-Identifier: Apache-2.0
// Statistics of channels and of groups of them, and the norms made of them.
#include "models/layers/channel_norm.h"

#include <array>
#include <cmath>
#include <limits>

namespace stagecoach {
namespace {

template <class T>
double pixels_of(const View<const T>& x) {
  return static_cast<double>(x.batch) * x.height * x.width;
}

/// True if squares that T cannot tell from zero are nothing beside epsilon.
template <class T>
bool small_squares_vanish(double epsilon) {
  return epsilon > 1e8 * std::numeric_limits<T>::min();
}

/// Sums over all pixels of x - center and of its square; in double where T's range does not hold
/// them.
template <class T>
std::array<WideLanes<T>, 2> sums_about(const View<const T>& x, double epsilon, std::int64_t channel,
                                       const Lanes<T>& center) {
  std::array<WideLanes<T>, 2> sums;
  if (small_squares_vanish<T>(epsilon)) {
    sums = pixel_sums<2>(
        channel,
        [&](auto& sum, auto v) {
          const Lanes<T> distance = v - center;
          sum[0] += distance;
          sum[1] += distance.square();
        },
        x);
    if (std::isfinite(sums[1].sum())) return sums;
  }
  for (auto& sum : sums) sum.setZero();
  const WideLanes<T> wide_center = center.template cast<double>();
  for_each_pixel(
      channel,
      [&](auto v) {
        const WideLanes<T> distance = v.template cast<double>() - wide_center;
        sums[0] += distance;
        sums[1] += distance.square();
      },
      x);
  return sums;
}

template <class T>
Lanes<T> root(const WideLanes<T>& square) {
  return square.unaryExpr([](double v) { return std::sqrt(v); }).template cast<T>();
}

}  // namespace

template <class T>
Lanes<T> root_mean_square(const View<const T>& x, double epsilon, std::int64_t channel) {
  if (!small_squares_vanish<T>(epsilon))
    return root<T>(sums_about<T>(x, epsilon, channel, Lanes<T>::Zero())[1] / pixels_of(x));
  return root<T>(pixel_sum(
                     channel, [](auto v) { return v.square(); }, x) /
                 pixels_of(x));
}

template <class T>
void channel_moments(const View<const T>& x, double epsilon, T* mean, T* rest, T* deviation) {
  for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>) {
    const Lanes<T> center = (pixel_sum(
                                 c, [](auto v) { return v; }, x) /
                             pixels_of(x))
                                .template cast<T>();
    const auto [first, second] = sums_about(x, epsilon, c, center);
    const WideLanes<T> beyond = first / pixels_of(x);
    lanes(mean + c) = center;
    lanes(rest + c) = beyond.template cast<T>();
    // The center is off by a few of T's roundings at most, so that little cancels here.
    lanes(deviation + c) = root<T>((second / pixels_of(x) - beyond.square()).max(0.0));
  }
}

template <class T>
void MomentNorm<T>::group_statistics(T* statistics) const {
  const int size = this->channels() / groups_;
  auto means = this->padded_row(statistics, 0), rests = this->padded_row(statistics, 1);
  auto inverses = this->padded_row(statistics, 2);
  for (int first = 0; first < this->channels(); first += size) {
    const auto of_group = [&](auto& row) { return row.segment(first, size); };
    const auto mean =
        of_group(means).template cast<double>() + of_group(rests).template cast<double>();
    const auto deviation = of_group(inverses).template cast<double>();
    const double m = mean.mean();
    const double variance = (deviation.square() + (mean - m).square()).mean();
    of_group(means) = static_cast<T>(m);
    of_group(rests) = static_cast<T>(m - static_cast<double>(static_cast<T>(m)));
    of_group(inverses) = inverse_root<T>(variance + epsilon_);
  }
  const std::int64_t pads = this->row_size() - this->channels();
  means.tail(pads) = rests.tail(pads) = inverses.tail(pads) = T(0);
}

template <class T>
void MomentNorm<T>::normalize(const View<const T>& x, const T* statistics, const T* parameters,
                              const View<T>& y) const {
  const std::int64_t size = this->row_size();
  for (std::int64_t c = 0; c < size; c += kLanes<T>) {
    auto xn = this->normalized(statistics, c);
    xn.inverse *= lanes(parameters + c);
    const Lanes<T> bias = lanes(parameters + size + c);
    for_each_pixel(
        c, [&](auto x, auto y) { y = xn(x) + bias; }, x, y);
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
    const auto xn = this->normalized(statistics, c);
    const auto sums = pixel_sums<2>(
        c,
        [&](auto& sum, auto x, auto g) {
          sum[0] += g * xn(x);
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
    const auto xn = this->normalized(statistics, c);
    const Lanes<T> scale = xn.inverse * lanes(args.parameters + c);
    const Lanes<T> slope = xn.inverse * lanes(mean_gxn.data() + c);
    const Lanes<T> shift = xn.inverse * lanes(mean_g.data() + c);
    const bool add = args.accumulate[0];
    for_each_pixel(
        c, [&](auto x, auto g, auto dx) { give(dx, scale * g - shift - slope * xn(x), add); }, x, g,
        dx);
  }
}

#define STAGECOACH_INSTANTIATE(T)                                                 \
  template Lanes<T> root_mean_square(const View<const T>&, double, std::int64_t); \
  template void channel_moments(const View<const T>&, double, T*, T*, T*);        \
  template class MomentNorm<T>;
STAGECOACH_INSTANTIATE(float)
STAGECOACH_INSTANTIATE(double)
#undef STAGECOACH_INSTANTIATE

}  // namespace stagecoach
