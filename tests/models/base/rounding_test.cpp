// SPDX-License-Identifier: Apache-2.0
#include "models/base/rounding.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace stagecoach;

TEST_CASE("A quotient within a few roundings of an integer is that integer") {
  REQUIRE(0.6 / 0.2 < 3);
  CHECK(rounded_floor(0.6 / 0.2) == 3);
  REQUIRE(2.1 / 0.7 > 3);
  CHECK(rounded_ceil(2.1 / 0.7) == 3);
  CHECK(rounded_ceil((0.1 + 0.2) * 10) == 3);
  for (int parts = 1; parts <= 1000; ++parts)
    for (int whole = 1; whole <= 20; ++whole) {
      const double x = whole / (1.0 / parts);
      CAPTURE(parts, whole);
      REQUIRE(rounded_floor(x) == whole * parts);
      REQUIRE(rounded_ceil(x) == whole * parts);
    }
}

TEST_CASE("What really lies beside an integer stays there") {
  CHECK(rounded_floor(2.999999999999) == 2);
  CHECK(rounded_ceil(3.000000000001) == 4);
  CHECK(rounded_ceil(1e-300) == 1);
  CHECK(rounded_floor(0) == 0);
  CHECK(rounded_floor(0.5) == 0);
  CHECK(rounded_ceil(0.5) == 1);
  // Updates of a million epochs of a thousand million samples each are still told apart.
  CHECK(rounded_floor(1e15 - 1) == 1e15 - 1);
  CHECK(rounded_ceil(1e14 + 0.25) == 1e14 + 1);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(rounded_floor(infinity) == infinity);
  CHECK(rounded_ceil(infinity) == infinity);
}

TEST_CASE("A bound is reached by what means the same number") {
  CHECK(reaches(0.3, 0.1 + 0.2));
  CHECK(reaches(0.1 + 0.2, 0.3));
  CHECK_FALSE(reaches(0.3, 0.3000000000001));
  CHECK(reaches(0, 0));
}
