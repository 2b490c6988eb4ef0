// SPDX-License-Identifier: Apache-2.0
#include "sim/base/arithmetic.h"

#include <catch2/catch.hpp>

using namespace stagecoach;

TEST_CASE("Finer cuts visit every size of the largest part once, each with the fewest parts") {
  for (std::int64_t n = 1; n <= 200; ++n) {
    std::int64_t visited = 1;
    for (std::int64_t parts = 2; parts <= n; ++parts) {
      if (ceil_div(n, parts) == ceil_div(n, parts - 1)) continue;
      visited = next_finer_cut(n, visited);
      CAPTURE(n);
      REQUIRE(visited == parts);
    }
    CHECK(next_finer_cut(n, visited) == 0);
  }
  int steps = 0;
  for (std::int64_t parts = 1; parts > 0; parts = next_finer_cut(1000000000000, parts)) ++steps;
  CHECK(steps < 2000001);
}
