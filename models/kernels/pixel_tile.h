// SPDX-License-Identifier: Apache-2.0
// The register tile of forward and input gradient: some pixels by some vectors of channels.
//
// A tile holds P x NV vectors of sums. For every step (one input channel of one tap) it loads NV
// vectors of weights and multiplies them with one broadcast input of each pixel. Pixels lie
// anywhere: their offsets stay in general registers, so that one kernel serves any stride, row
// length and batch.
#pragma once

#include <cstddef>

#include "models/kernels/simd.h"

namespace stagecoach {

/// The steps of a tile: runs of consecutive channels (a multiple of kRunUnroll), then single ones.
/// Offsets are in elements, of the input relative to the pixel, of the weights to the first row.
struct Steps {
  static constexpr int kMaxRuns = 128;
  static constexpr int kMaxSingles = 384;
  struct Step {
    std::ptrdiff_t input;
    std::ptrdiff_t weight;
  };
  int run_channels = 0;
  Step run[kMaxRuns];
  Step single[kMaxSingles];
};

constexpr int kRunUnroll = 4;

/// Pixels of a tile, as many as there are general registers for their offsets.
constexpr int kTilePixels = kVectorRegisters == 32 ? 8 : 4;

struct PixelTile {
  const Steps* steps;
  int first_run, end_run;  ///< steps to take
  int first_single, end_single;
  const float* input;            ///< pixel 0
  const float* weights;          ///< first row, at the tile's first channel
  std::ptrdiff_t weight_stride;  ///< between rows
  float* output;
  const float* bias;            ///< start value; null: zero
  bool accumulate;              ///< start from what the output holds instead
  bool add;                     ///< start from zero, add the sum to what the output holds
  const std::ptrdiff_t* in_at;  ///< offsets of the pixels from `input`; the first is zero
  const std::ptrdiff_t* out_at;
};

/// Sums of a tile that is limited by registers.
constexpr int kTileSums = 2 * kTilePixels;

/// Vectors that the next tile of so many pixels takes when `left` are left: few pixels take wider
/// pieces of the weight rows.
int tile_vectors(int pixels, int left);

/// Computes `pixels` <= kTilePixels by `vectors`, a result of tile_vectors().
void run_pixel_tile(const PixelTile& tile, int pixels, int vectors);

/// A kernel for `pixels` neighbours in a row, `out_step` apart in the output, by `vectors`.
struct RowKernel {
  void (*run)(const PixelTile& tile, std::ptrdiff_t out_step) = nullptr;
  int pixels = 0;
  int vectors = 0;
};

/// The fastest kernel for rows of `columns` pixels that lie `in_step` apart, compiled for that
/// distance, when `left` vectors of channels are left; empty if there is none.
RowKernel row_kernel(std::ptrdiff_t in_step, int columns, int left);

}  // namespace stagecoach
