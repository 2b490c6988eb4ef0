// SPDX-License-Identifier: Apache-2.0
// The input gradient where pixels are few: dot products of weight rows as they lie, where a
// transposed copy would cost more than it saves.
#pragma once

#include "models/kernels/tile_problem.h"

namespace stagecoach {

/// out[pixel(n,y,x) + c] (= or +=) sum over taps (a,b) and k < vectors * kLanes of
///     in[pixel(n,y,x) + tap(a,b) + k] * weights[row(a,b) + c][k]        for c < channels.
/// `bias` is not used. Elements of the output beyond `channels` are left alone.
void solve_dots(const TileProblem& problem);

}  // namespace stagecoach
