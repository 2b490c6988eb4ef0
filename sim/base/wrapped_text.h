// SPDX-License-Identifier: Apache-2.0
// Text for a terminal of 80 columns.
#pragma once

#include <string>

namespace stagecoach {

constexpr std::size_t kLineWidth = 80;

/// Breaks the line `text` at blanks so that it fits `width`; every further line begins with
/// `indent` blanks. Blanks inside a line stay; a word that is too long for a line has one to
/// itself. No line end after the last.
std::string wrapped(const std::string& text, std::size_t indent = 0,
                    std::size_t width = kLineWidth);

}  // namespace stagecoach
