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

TEST_CASE("sums and multiples saturate instead of turning negative") {
  CHECK(kUnlimited<Cycles> + 1 == kUnlimited<Cycles>);
  CHECK(Bytes(std::int64_t{1} << 62) * 3 == kUnlimited<Bytes>);
  Cycles sum = kUnlimited<Cycles> - 1;
  sum += 5;
  CHECK(sum == kUnlimited<Cycles>);
}
