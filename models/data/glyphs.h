// SPDX-License-Identifier: Apache-2.0
// Generated data: digits drawn with a pen that shakes. Integers only, so that every machine and
// compiler draws the same bytes.
#pragma once

#include <cstdint>

#include "models/data/memory_dataset.h"

namespace stagecoach {

constexpr int kGlyphSize = 28;     ///< rows and columns
constexpr int kGlyphClasses = 10;  ///< the digits

/// Draws one grey image (kGlyphSize^2 bytes, row-major, 0 = paper) of a random digit and returns
/// the digit. `key` alone decides everything: the class, the shaking of the control points,
/// rotation, slant, size, place, pen width, ink and noise.
int draw_glyph(std::uint64_t key, std::uint8_t* pixels);

/// `samples` drawn glyphs; sample i depends on (seed, split, i) only. Uses all threads.
SplitData draw_glyphs(std::int64_t samples, std::uint64_t seed, Split split);

}  // namespace stagecoach
