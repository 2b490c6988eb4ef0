// SPDX-License-Identifier: Apache-2.0
// Whole vectors of channels, and walks over views, for the layers that are no matrix product.
#pragma once

#include <cstdint>
#include <cstring>

#include "models/base/tensor.h"

namespace stagecoach {

template <class T>
struct LanesOf {
  typedef T InRegister __attribute__((vector_size(kVectorBytes)));
  typedef T InMemory __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
};

/// kLanes<T> numbers in one register. Arithmetic and comparisons work lane by lane (GCC and Clang
/// vector extensions); `mask ? a : b` chooses lane by lane.
template <class T>
using Lanes = typename LanesOf<T>::InRegister;

template <class T>
inline Lanes<T> load_lanes(const T* p) {
  return *reinterpret_cast<const typename LanesOf<T>::InMemory*>(p);
}

template <class T>
inline void store_lanes(T* p, Lanes<T> v) {
  *reinterpret_cast<typename LanesOf<T>::InMemory*>(p) = v;
}

template <class T>
inline Lanes<T> all_lanes(T value) {
  return Lanes<T>{} + value;
}

/// True if the view's samples follow each other without gaps (no halo).
template <class T>
bool is_dense(const View<T>& v) {
  return v.row_stride == v.width * v.pixel_stride &&
         (v.batch == 1 || v.sample_stride == v.height * v.row_stride);
}

/// Calls body(count, pointer into each view...) for contiguous stretches that together cover the
/// interiors, pad lanes included. The views have equal shapes and, like every Layout, equal pixel
/// strides; counts are multiples of kLanes.
template <class Body, class T, class... Ts>
inline void for_each_run(Body&& body, const View<T>& first, const View<Ts>&... rest) {
  const std::int64_t run = first.width * first.pixel_stride;
  if (is_dense(first) && (is_dense(rest) && ...)) {
    body(run * first.height * first.batch, first.data, rest.data...);
    return;
  }
  for (int n = 0; n < first.batch; ++n)
    for (int y = 0; y < first.height; ++y) body(run, first.pixel(n, y, 0), rest.pixel(n, y, 0)...);
}

/// Zeroes the interior, pad lanes included.
template <class T>
inline void fill_zero(const View<T>& v) {
  for_each_run([](std::int64_t count, T* p) { std::memset(p, 0, count * sizeof(T)); }, v);
}

/// out = in, or out += in; in place it is nothing.
template <class T>
inline void copy_interior(const View<const T>& in, const View<T>& out, bool accumulate) {
  for_each_run(
      [accumulate](std::int64_t count, const T* from, T* to) {
        if (!accumulate) {
          if (from != to) std::memcpy(to, from, count * sizeof(T));
          return;
        }
        for (std::int64_t i = 0; i < count; i += kLanes<T>)
          store_lanes<T>(to + i, load_lanes<T>(to + i) + load_lanes<T>(from + i));
      },
      in, out);
}

/// Samples [begin, end) of a micro-batch.
struct SampleRange {
  int begin = 0;
  int end = 0;
  int count() const { return end - begin; }
};

/// Sums that do not wait for each other: an addition takes several cycles to complete.
constexpr int kChains = 4;

/// Calls body(chain, pointers at this pixel...) for every pixel; neighbours in different chains.
template <class Body, class T, class... Ts>
inline void for_each_pixel(SampleRange samples, std::int64_t channel, Body&& body,
                           const View<T>& first, const View<Ts>&... rest) {
  const std::int64_t step = first.pixel_stride;
  for (int n = samples.begin; n < samples.end; ++n)
    for (int y = 0; y < first.height; ++y) {
      const auto row = [&](const auto& view) { return view.pixel(n, y, 0) + channel; };
      T* const p = row(first);
      int x = 0;
      for (; x + kChains <= first.width; x += kChains) {
#pragma GCC unroll 4
        for (int k = 0; k < kChains; ++k)
          body(k, p + (x + k) * step, row(rest) + (x + k) * step...);
      }
      for (; x < first.width; ++x) body(0, p + x * step, row(rest) + x * step...);
    }
}

template <class T>
inline Lanes<T> total(const Lanes<T>* chains) {
  return (chains[0] + chains[1]) + (chains[2] + chains[3]);
}

}  // namespace stagecoach
