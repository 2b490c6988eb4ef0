// SPDX-License-Identifier: Apache-2.0
// The register tile of the weight gradient: some weight rows by some vectors of output channels,
// summed over pixels; at the end it is stored or, without ever being stored, becomes an update.
#pragma once

#include <cstddef>

#include "models/kernels/simd.h"
#include "models/kernels/tile_problem.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// What becomes of a finished tile. All pointers are at row 0, channel 0 of the tile's weights.
struct RowTarget {
  float* sums = nullptr;  ///< gradient, or sums of earlier pixels
  bool add_to_sums = false;
  bool update = false;  ///< apply `coefficients` instead of storing the sums
  float* weights = nullptr;
  float* velocity = nullptr;
  float* predicted = nullptr;  ///< may be null
  UpdateCoefficients<float> coefficients;

  void shift(std::ptrdiff_t elements) {
    if (sums) sums += elements;
    if (weights) weights += elements;
    if (velocity) velocity += elements;
    if (predicted) predicted += elements;
  }
};

/// Pixels [first_row, first_row + rows) x columns of the output's gradient, counting rows through
/// all samples, and the inputs that meet them.
struct RowTile {
  int first_row, rows, columns, image_rows;
  const float* x;              ///< input of pixel (0,0,0)
  PixelStrides x_strides;      ///< between output pixels
  const std::ptrdiff_t* x_at;  ///< of each weight row, from x
  const float* dy;             ///< at the tile's first channel
  PixelStrides dy_strides;
  const std::ptrdiff_t* row_at;  ///< of each weight row, from the target's pointers
  RowTarget target;
};

constexpr int kTileRows = kVectorRegisters == 32 ? 8 : 4;

/// One vector of an update; see UpdateCoefficients.
inline void update_vector(Vec gradient, const UpdateCoefficients<float>& k, float* weights,
                          float* velocity, float* predicted) {
  Vec w = load(weights);
  gradient = gradient + k.weight_decay * w;
  const Vec v = k.momentum * load(velocity) + gradient;
  w = w - k.step_velocity * v - k.step_gradient * gradient;
  store(velocity, v);
  store(weights, w);
  if (predicted) store(predicted, w - k.step_prediction * v);
}

/// `count` rows (x_at, row_at given for each) by `vectors` <= 3, count <= kTileRows.
void run_row_tile(const RowTile& tile, int count, int vectors);

/// The same for rows of consecutive channels of one tap, `stride` elements apart in the weights:
/// x_at[0] and row_at[0] only. `count` is consecutive_rows() of some number of vectors.
void run_consecutive_row_tile(const RowTile& tile, std::ptrdiff_t stride, int count, int vectors);

/// Rows that run_consecutive_row_tile() takes at a time in a matrix of so many vectors.
constexpr int consecutive_rows(int vectors) { return vectors == 1 ? 2 * kTileRows : kTileRows; }

}  // namespace stagecoach
