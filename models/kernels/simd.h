// SPDX-License-Identifier: Apache-2.0
// One vector of T, as wide as the build's instruction set (GCC and Clang vector extensions).
#pragma once

#include <cstdint>
#include <utility>

#include "models/base/tensor.h"

namespace stagecoach {

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes), may_alias));
};
template <class T>
using Vec = typename VectorOf<T>::type;

/// Registers that a kernel may count on.
constexpr int kVectorRegisters = kVectorBytes == 64 ? 32 : 16;

/// The pointers are aligned to whole vectors.
template <class T>
inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const Vec<T>*>(p);
}
template <class T>
inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<Vec<T>*>(p) = v;
}
template <class T>
inline Vec<T> broadcast(T x) {
  return x - Vec<T>{};  // -0.0 stays -0.0
}

/// Stops the compiler from loading v anew for each of its uses, which costs more than a register.
template <class V>
inline void keep_in_register(V& v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__)
  asm("" : "+x"(v));
#else
  (void)v;
#endif
}

namespace simd_detail {

// Lanes are exchanged between two vectors in groups of D: `low` keeps what has bit D clear in its
// lane number, `high` the rest.
template <int D, int L, class V, int... I>
inline V low(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, ((I & D) ? L + I - D : I)...);
}
template <int D, int L, class V, int... I>
inline V high(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, ((I & D) ? L + I : I + D)...);
}

template <class T, int D>
inline void transpose_step(Vec<T>* r) {
  constexpr int L = kLanes<T>;
  using Lanes = std::make_integer_sequence<int, L>;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i)
    if (!(i & D)) {
      const Vec<T> a = r[i], b = r[i + D];
      r[i] = low<D, L>(a, b, Lanes());
      r[i + D] = high<D, L>(a, b, Lanes());
    }
}

template <class T, int D>
inline void sum_step(Vec<T>* r) {
  constexpr int L = kLanes<T>;
  using Lanes = std::make_integer_sequence<int, L>;
#pragma GCC unroll 16
  for (int i = 0; i < L / (2 * D); ++i) {
    const Vec<T> a = r[2 * i], b = r[2 * i + 1];
    r[i] = low<D, L>(a, b, Lanes()) + high<D, L>(a, b, Lanes());
  }
}

}  // namespace simd_detail

/// Transposes kLanes x kLanes elements in registers.
template <class T>
inline void transpose(Vec<T>* r) {
  constexpr int L = kLanes<T>;
  if constexpr (L >= 2) simd_detail::transpose_step<T, 1>(r);
  if constexpr (L >= 4) simd_detail::transpose_step<T, 2>(r);
  if constexpr (L >= 8) simd_detail::transpose_step<T, 4>(r);
  if constexpr (L >= 16) simd_detail::transpose_step<T, 8>(r);
}

/// Lane i of the result is the sum of the lanes of r[i], i < kLanes; r is used up.
template <class T>
inline Vec<T> sums(Vec<T>* r) {
  constexpr int L = kLanes<T>;
  if constexpr (L >= 2) simd_detail::sum_step<T, 1>(r);
  if constexpr (L >= 4) simd_detail::sum_step<T, 2>(r);
  if constexpr (L >= 8) simd_detail::sum_step<T, 4>(r);
  if constexpr (L >= 16) simd_detail::sum_step<T, 8>(r);
  return r[0];
}

}  // namespace stagecoach
