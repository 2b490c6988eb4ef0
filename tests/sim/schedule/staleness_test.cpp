// SPDX-License-Identifier: Apache-2.0
// Sums over counters, worked by hand.
#include "sim/schedule/staleness.h"

#include <catch2/catch.hpp>

#include "sim/stats/run_statistics.h"

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("the eight shares of a stage's time add up") {
  const StageCycles c{1, 2, 4, 8, 16, 32, 64, 128};
  CHECK(c.busy() == 7);
  CHECK(c.total() == 255);
}

TEST_CASE("the staleness mean weighs each delay by its micro-batches") {
  StalenessCount s;
  CHECK(s.count() == 0);
  CHECK(s.mean() == 0.0);
  s.histogram = {{0, 2}, {3, 1}, {6, 1}};
  CHECK(s.count() == 4);
  CHECK(s.mean() == 2.25);
}
