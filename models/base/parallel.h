// SPDX-License-Identifier: Apache-2.0
// A loop shared by threads. Nothing that it computes may depend on how many there are.
#pragma once

#include <cstdint>
#include <functional>

namespace stagecoach {

/// Calls body(begin, end) for up to `threads` contiguous parts of [0, count), each on a thread; one
/// is the caller's. Where the system starts fewer, there are fewer parts. Returns when all have
/// ended; throws what a part threw, of several the first part's.
void in_parallel(std::int64_t count, int threads,
                 const std::function<void(std::int64_t begin, std::int64_t end)>& body);

}  // namespace stagecoach
