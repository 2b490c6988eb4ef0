// SPDX-License-Identifier: Apache-2.0
#include "sim/stats/number_text.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace stagecoach;

TEST_CASE("Counts and decimals have separators") {
  CHECK(with_separators(0) == "0");
  CHECK(with_separators(999) == "999");
  CHECK(with_separators(-1234567) == "-1,234,567");
  CHECK(with_decimals(75464, 1) == "75,464.0");
  CHECK(with_decimals(-1234.56, 1) == "-1,234.6");
  CHECK(with_decimals(12.3456, 2) == "12.35");
  CHECK(with_decimals(999.96, 1) == "1,000.0");
  CHECK(with_decimals(1.5e15, 4) == "1.5e+15");
  CHECK(with_decimals(1234567, 0) == "1,234,567");
}

TEST_CASE("A figure has four digits and no exponent that nobody would write") {
  CHECK(figure(7781.2) == "7,781");
  CHECK(figure(11670) == "11,670");
  CHECK(figure(46225.4) == "46,225");
  CHECK(figure(73.13) == "73.13");
  CHECK(figure(999.97) == "1,000");
  CHECK(figure(0.0004567) == "0.0004567");
  CHECK(figure(0) == "0");
  CHECK(figure(1e6) == "1,000,000");
}

TEST_CASE("Bytes and units get the prefix that people use") {
  CHECK(human_bytes(512) == "512 B");
  CHECK(human_bytes(12345) == "12.1 KiB");
  CHECK(human_bytes(5e15) == "4,547.5 TiB");
  CHECK(with_si_prefix(0.00123, "J") == "1.23 mJ");
  CHECK(with_si_prefix(0, "J") == "0 J");
  CHECK(with_si_prefix(2187.4, "s") == "2,187 s");
  CHECK(with_si_prefix(1.005, "s") == "1.005 s");
  CHECK(with_si_prefix(2187.4, "J") == "2.187 kJ");
  CHECK(with_si_prefix(0.9999999, "J") == "1,000 mJ");
  CHECK(with_si_prefix(std::numeric_limits<double>::infinity(), "J") == "inf J");
}
