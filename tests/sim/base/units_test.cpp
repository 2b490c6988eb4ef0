// SPDX-License-Identifier: Apache-2.0
// Question: do units stay apart, and do a file's numbers become counts without wrapping?
#include "sim/base/units.h"

#include <catch2/catch.hpp>
#include <type_traits>
#include <utility>

using namespace stagecoach;  // NOLINT: tests

namespace {

template <class A, class B, class = void>
struct Adds : std::false_type {};
template <class A, class B>
struct Adds<A, B, std::void_t<decltype(std::declval<A>() + std::declval<B>())>> : std::true_type {};

}  // namespace

TEST_CASE("cycles and bytes do not mix, and fractions do not become either") {
  STATIC_REQUIRE(Adds<Cycles, Cycles>::value);
  STATIC_REQUIRE(Adds<Cycles, int>::value);
  STATIC_REQUIRE_FALSE(Adds<Cycles, Bytes>::value);
  STATIC_REQUIRE_FALSE(Adds<Cycles, double>::value);
  STATIC_REQUIRE_FALSE(std::is_convertible<Cycles, std::int64_t>::value);
  STATIC_REQUIRE_FALSE(std::is_convertible<double, Cycles>::value);
  STATIC_REQUIRE(sizeof(Cycles) == sizeof(std::int64_t));
}

TEST_CASE("numbers become whole counts; what 63 bits cannot hold is unlimited") {
  CHECK(rounded_up<Cycles>(2.1) == 3);
  CHECK(rounded_down<Bytes>(2.9) == 2);
  CHECK(rounded_up<Cycles>(-1.0) == 0);
  CHECK(rounded_up<Cycles>(1e18) == 1000000000000000000);
  CHECK(rounded_up<Cycles>(1e19) == kUnlimited<Cycles>);
  CHECK(rounded_down<Bytes>(1e16 * 1024) == kUnlimited<Bytes>);
  CHECK(rounded_up<Cycles>(kUnlimited<double>) == kUnlimited<Cycles>);
}

TEST_CASE("a quotient that means a whole number of cycles costs no cycle more") {
  // The quotient of doubles lies above, or below, for one pair of numbers in a hundred.
  CHECK(145 / 0.29 > 500);
  CHECK(rounded_up<Cycles>(145 / 0.29) == 500);
  CHECK(0.6 / 0.2 < 3);
  CHECK(rounded_down<Bytes>(0.6 / 0.2) == 3);
  for (int hundredths = 1; hundredths < 2000; ++hundredths) {
    // GB/s at a clock of 700 MHz, as a file gives them: two roundings before the quotient's.
    const double rate = hundredths / 100.0, per_cycle = rate * 0.7 * 1000 / 700;
    CAPTURE(rate);
    for (const std::int64_t cycles : {1, 5, 100, 900, 1700, 1000000}) {
      const std::int64_t bytes = hundredths * cycles / 100;
      const std::int64_t exact = (bytes * 100 + hundredths - 1) / hundredths;
      CHECK(rounded_up<Cycles>(bytes / rate) == exact);
      CHECK(rounded_up<Cycles>(bytes / per_cycle) == exact);
    }
  }
  CHECK(rounded_up<Cycles>(500.001) == 501);
}

TEST_CASE("sums and multiples saturate instead of turning negative") {
  CHECK(kUnlimited<Cycles> + 1 == kUnlimited<Cycles>);
  CHECK(Bytes(std::int64_t{1} << 62) * 3 == kUnlimited<Bytes>);
  Cycles sum = kUnlimited<Cycles> - 1;
  sum += 5;
  CHECK(sum == kUnlimited<Cycles>);
}
