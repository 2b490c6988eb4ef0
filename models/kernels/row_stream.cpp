// SPDX-License-Identifier: Apache-2.0
// One weight row against all pixels, for every number of pixels and every ending.
#include "models/kernels/row_stream.h"

namespace stagecoach {
namespace {

enum class Ending { store, add, update, update_and_predict };

template <int P, Ending kEnding>
[[gnu::noinline]] void run(const StreamRows& s) {
  constexpr int L = kLanes<float>;
  // Two streams beside an output gradient that fills most of the first-level cache: without asking
  // a page ahead, 16 pixels take three times as long.
  constexpr int kAhead = 4096 / static_cast<int>(sizeof(float));
  const UpdateCoefficients<float> k = s.target.coefficients;
  const int vectors = s.vectors;
  constexpr bool kUpdates = kEnding == Ending::update || kEnding == Ending::update_and_predict;
  for (int r = 0; r < s.rows; ++r) {
    const std::ptrdiff_t at = r * s.stride;
    float* const gradient = kUpdates ? nullptr : s.target.sums + at;
    float* const weights = kUpdates ? s.target.weights + at : nullptr;
    float* const velocity = kUpdates ? s.target.velocity + at : nullptr;
    float* const predicted =
        kEnding == Ending::update_and_predict ? s.target.predicted + at : nullptr;
    const float* dy = s.dy;
    Vec value[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) value[p] = broadcast(s.x[r * P + p]);
    for (int v = 0; v < vectors; ++v, dy += P * L) {
      // Two sums: the chain of a single one would be the longest thing in the loop.
      Vec even = value[0] * load(dy), odd{};
      if constexpr (P > 1) odd = value[1] * load(dy + L);
#pragma GCC unroll 16
      for (int p = 2; p < P; p += 2) {
        even += value[p] * load(dy + p * L);
        odd += value[p + 1] * load(dy + (p + 1) * L);
      }
      const Vec sum = P > 1 ? even + odd : even;
      if constexpr (kEnding == Ending::store) {
        store(gradient + v * L, sum);
      } else if constexpr (kEnding == Ending::add) {
        store(gradient + v * L, load(gradient + v * L) + sum);
      } else {
        __builtin_prefetch(weights + v * L + kAhead);
        __builtin_prefetch(velocity + v * L + kAhead);
        update_vector(sum, k, weights + v * L, velocity + v * L,
                      predicted ? predicted + v * L : nullptr);
      }
    }
  }
}

template <int P>
void run_ending(const StreamRows& s) {
  if (s.target.update && s.target.predicted) return run<P, Ending::update_and_predict>(s);
  if (s.target.update) return run<P, Ending::update>(s);
  if (s.target.add_to_sums) return run<P, Ending::add>(s);
  return run<P, Ending::store>(s);
}

}  // namespace

void stream_rows(const StreamRows& s) {
  switch (s.pixels) {
    case 1:
      return run_ending<1>(s);
    case 2:
      return run_ending<2>(s);
    case 4:
      return run_ending<4>(s);
    case 8:
      return run_ending<8>(s);
    default:
      return run_ending<16>(s);
  }
}

}  // namespace stagecoach
