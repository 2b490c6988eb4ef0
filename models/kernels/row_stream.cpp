// SPDX-License-Identifier: Apache-2.0
// One weight row against all pixels, for every number of pixels and every ending.
#include "models/kernels/row_stream.h"

namespace stagecoach {
namespace {

enum class Ending { store, add, update, update_and_predict };

template <class T, int P, Ending kEnding>
[[gnu::noinline]] void run(const T* x, const T* dy, int vectors, const RowTarget<T>& target) {
  constexpr int L = kLanes<T>;
  // Two streams beside an output gradient that fills most of the first-level cache: without asking
  // a page ahead, 16 pixels take three times as long.
  constexpr int kAhead = 4096 / static_cast<int>(sizeof(T));
  Vec<T> value[P];
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p) value[p] = broadcast(x[p]);
  const UpdateCoefficients<T> k = target.coefficients;
  T *const weights = target.weights, *const velocity = target.velocity;
  T *const predicted = target.predicted, *const gradient = target.sums;
  for (int v = 0; v < vectors; ++v, dy += P * L) {
    // Two sums: the chain of a single one would be the longest thing in the loop.
    Vec<T> even = value[0] * load(dy), odd{};
    if constexpr (P > 1) odd = value[1] * load(dy + L);
#pragma GCC unroll 16
    for (int p = 2; p < P; p += 2) {
      even += value[p] * load(dy + p * L);
      odd += value[p + 1] * load(dy + (p + 1) * L);
    }
    const Vec<T> sum = P > 1 ? even + odd : even;
    if constexpr (kEnding == Ending::update || kEnding == Ending::update_and_predict) {
      __builtin_prefetch(weights + v * L + kAhead);
      __builtin_prefetch(velocity + v * L + kAhead);
    }
    if constexpr (kEnding == Ending::store) {
      store(gradient + v * L, sum);
    } else if constexpr (kEnding == Ending::add) {
      store(gradient + v * L, load(gradient + v * L) + sum);
    } else {
      update_vector(sum, k, weights + v * L, velocity + v * L,
                    kEnding == Ending::update ? nullptr : predicted + v * L);
    }
  }
}

template <class T, int P>
void run_ending(const T* x, const T* dy, int vectors, const RowTarget<T>& target) {
  if (target.update && target.predicted)
    return run<T, P, Ending::update_and_predict>(x, dy, vectors, target);
  if (target.update) return run<T, P, Ending::update>(x, dy, vectors, target);
  if (target.start_from_sums) return run<T, P, Ending::add>(x, dy, vectors, target);
  return run<T, P, Ending::store>(x, dy, vectors, target);
}

}  // namespace

template <class T>
void stream_row(const T* x, int pixels, const T* dy, int vectors, const RowTarget<T>& target) {
  switch (pixels) {
    case 1:
      return run_ending<T, 1>(x, dy, vectors, target);
    case 2:
      return run_ending<T, 2>(x, dy, vectors, target);
    case 4:
      return run_ending<T, 4>(x, dy, vectors, target);
    case 8:
      return run_ending<T, 8>(x, dy, vectors, target);
    default:
      return run_ending<T, 16>(x, dy, vectors, target);
  }
}

template void stream_row(const float*, int, const float*, int, const RowTarget<float>&);
template void stream_row(const double*, int, const double*, int, const RowTarget<double>&);

}  // namespace stagecoach
