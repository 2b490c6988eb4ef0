// SPDX-License-Identifier: Apache-2.0
// Passes over a value that the normalisation layers share: channel moments, the affine map, and
// their gradients. Rows ("T* mean") hold one number per channel, pads included.
#pragma once

#include "models/layers/lanes.h"

namespace stagecoach {

/// mean[c] and squares[c] = sum (x - mean[c])^2 over the samples' pixels. One pass: sums are taken
/// about the first pixel, which is so near the mean, in standard deviations (at most the root of
/// the number of values), that the difference of squares loses no more than a sum of that length.
template <class T>
void channel_moments(const View<const T>& x, SampleRange samples, T* mean, T* squares);

/// y = (x - mean) scale + shift
template <class T>
void apply_channel_map(const View<const T>& x, SampleRange samples, const T* mean, const T* scale,
                       const T* shift, const View<T>& y);

/// sum_g[c] = sum g, sum_gx[c] = sum g (x - mean[c])
template <class T>
void channel_gradient_sums(const View<const T>& x, const View<const T>& g, SampleRange samples,
                           const T* mean, T* sum_g, T* sum_gx);

/// dx = g scale + (x - mean) slope + shift, added to what is there if `accumulate`.
template <class T>
void apply_channel_gradient(const View<const T>& x, const View<const T>& g, SampleRange samples,
                            const T* mean, const T* scale, const T* slope, const T* shift,
                            bool accumulate, const View<T>& dx);

/// Statistics of groups of channels from those of their channels, repeated for every channel:
/// mean[c], inverse[c] = 1 / sqrt(biased variance + epsilon). In place is fine; pads become 0.
template <class T>
void group_statistics(int channels, int groups, std::int64_t pixels, double epsilon,
                      const T* channel_mean, const T* channel_squares, T* mean, T* inverse);

}  // namespace stagecoach
