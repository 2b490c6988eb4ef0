// SPDX-License-Identifier: Apache-2.0
// Convolutions whose every channel is its own group: vectors of channels side by side.
#pragma once

#include "models/kernels/row_tile.h"
#include "models/kernels/tile_problem.h"

namespace stagecoach {

/// out[pixel(n,y,x)] (= bias, 0 or +=) sum over taps (a,b) of
///     in[pixel(n,y,x) + tap(a,b)] * weights[row(a,b)], channel by channel, for p.vectors vectors.
/// Forward and input gradient; p.channels is not used.
template <class T>
void solve_depthwise(const TileProblem<T>& p);

/// The same problem as forward's (p.input, p.in, taps) turned round: target[row(a,b)] (= or +=, or
/// an update from) the sum over pixels of in[pixel + tap(a,b)] * dy[pixel].
template <class T>
void depthwise_weight_gradient(const TileProblem<T>& p, const T* dy, const PixelStrides& dy_strides,
                               const RowTarget<T>& target);

}  // namespace stagecoach
