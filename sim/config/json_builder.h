// SPDX-License-Identifier: Apache-2.0
// JSON text to values, with what nlohmann's own parser lets pass: duplicate keys, endless nesting.
#pragma once

#include <cstddef>
#include <string>

#include "sim/config/json_document.h"

namespace stagecoach {

/// Parses one JSON value. Everything wrong goes to `issues`, named `label`.
Json build_json(const std::string& label, const std::string& text, int max_depth, Issues& issues);

/// "line 3, column 14" of a byte, both from 1.
std::string line_and_column(const std::string& text, std::size_t byte);

}  // namespace stagecoach
