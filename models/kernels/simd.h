// SPDX-License-Identifier: Apache-2.0
// The one vector vocabulary of the fast paths: floats, as wide as the build's instruction set (GCC
// and Clang vector extensions).
#pragma once

#include <cstdint>
#include <utility>

#include "models/base/tensor.h"

namespace stagecoach {

typedef float Vec __attribute__((vector_size(kVectorBytes), may_alias));

/// Registers that a kernel may count on.
constexpr int kVectorRegisters = kVectorBytes == 64 ? 32 : 16;

/// The pointers are aligned to whole vectors.
inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
inline Vec broadcast(float x) {
  return x - Vec{};  // -0.0 stays -0.0
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

template <int D>
inline void transpose_step(Vec* r) {
  constexpr int L = kLanes<float>;
  using Lanes = std::make_integer_sequence<int, L>;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i)
    if (!(i & D)) {
      const Vec a = r[i], b = r[i + D];
      r[i] = low<D, L>(a, b, Lanes());
      r[i + D] = high<D, L>(a, b, Lanes());
    }
}

template <int D>
inline void sum_step(Vec* r) {
  constexpr int L = kLanes<float>;
  using Lanes = std::make_integer_sequence<int, L>;
#pragma GCC unroll 16
  for (int i = 0; i < L / (2 * D); ++i) {
    const Vec a = r[2 * i], b = r[2 * i + 1];
    r[i] = low<D, L>(a, b, Lanes()) + high<D, L>(a, b, Lanes());
  }
}

}  // namespace simd_detail

/// Transposes kLanes x kLanes elements in registers.
inline void transpose(Vec* r) {
  constexpr int L = kLanes<float>;
  if constexpr (L >= 2) simd_detail::transpose_step<1>(r);
  if constexpr (L >= 4) simd_detail::transpose_step<2>(r);
  if constexpr (L >= 8) simd_detail::transpose_step<4>(r);
  if constexpr (L >= 16) simd_detail::transpose_step<8>(r);
}

/// Lane i of the result is the sum of the lanes of r[i], i < kLanes; r is used up.
inline Vec sums(Vec* r) {
  constexpr int L = kLanes<float>;
  if constexpr (L >= 2) simd_detail::sum_step<1>(r);
  if constexpr (L >= 4) simd_detail::sum_step<2>(r);
  if constexpr (L >= 8) simd_detail::sum_step<4>(r);
  if constexpr (L >= 16) simd_detail::sum_step<8>(r);
  return r[0];
}

}  // namespace stagecoach
