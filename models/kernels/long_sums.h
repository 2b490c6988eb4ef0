// SPDX-License-Identifier: Apache-2.0
// Tile problems whose sums are so long that 32 bits would lose digits: sums of blocks, compensated.
#pragma once

#include <cstdint>

#include "models/kernels/tile_problem.h"
#include "models/layers/product.h"

namespace stagecoach {

/// Most terms whose blocks common convolutions add plainly: 512 channels under a kernel of three.
constexpr int kPlainConvTerms = 9 * kPlainTerms;

/// True if sums over so many taps, each with `terms` for one register, are to be made in blocks.
constexpr bool is_long_sum(std::int64_t taps, std::int64_t terms) {
  return taps * terms > (taps > 1 ? kPlainConvTerms : kPlainTerms);
}

/// Output pixels that pass the weights together.
constexpr int kLongSumPixels = 64;

/// Floats of scratch for outputs of `width` elements a pixel.
constexpr std::int64_t long_sum_scratch(std::int64_t width) { return 2 * kLongSumPixels * width; }

/// The same as solve(); `scratch`: long_sum_scratch(vectors * kLanes), aligned.
void solve_long(const TileProblem& problem, float* scratch);

/// The same as solve_dots() (dot_tile.h); `scratch`: long_sum_scratch(channels).
void solve_long_dots(const TileProblem& problem, float* scratch);

}  // namespace stagecoach
