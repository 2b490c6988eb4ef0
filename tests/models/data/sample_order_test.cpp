// SPDX-License-Identifier: Apache-2.0
// Does every epoch visit every sample once, in an order that the seed alone decides?
#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "models/base/error.h"
#include "models/data/dataset.h"

namespace stagecoach {

namespace {

std::vector<std::int64_t> epoch_of(SampleOrder& order, std::int64_t epoch, std::int64_t samples) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < samples; ++i) all.push_back(order.at(epoch, i));
  return all;
}

}  // namespace

TEST_CASE("a shuffled epoch is a permutation, different in every epoch and for every seed") {
  SampleOrder order(1000, true, 1);
  SampleOrder other(1000, true, 2);
  const auto first = epoch_of(order, 0, 1000);
  const auto second = epoch_of(order, 1, 1000);
  for (auto epoch : {first, second}) {
    std::sort(epoch.begin(), epoch.end());
    for (std::int64_t i = 0; i < 1000; ++i) REQUIRE(epoch[static_cast<std::size_t>(i)] == i);
  }
  CHECK(first != second);
  CHECK(first != epoch_of(other, 0, 1000));
}

TEST_CASE("an order does not depend on what was asked before") {
  SampleOrder forward(100, true, 9);
  SampleOrder back(100, true, 9);
  const auto third = epoch_of(back, 3, 100);
  const auto fourth = epoch_of(back, 4, 100);
  const auto zeroth = epoch_of(back, 0, 100);
  CHECK(epoch_of(forward, 0, 100) == zeroth);
  for (std::int64_t i = 0; i < 100; ++i) {  // two epochs at once, as a pipeline sees them
    CHECK(forward.at(4, i) == fourth[static_cast<std::size_t>(i)]);
    CHECK(forward.at(3, i) == third[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("every sample is equally likely to come first") {
  // 4000 epochs of 8: mean 500, standard deviation 21; five of them.
  SampleOrder order(8, true, 5);
  int count[8] = {};
  for (int epoch = 0; epoch < 4000; ++epoch) ++count[order.at(epoch, 0)];
  for (int n : count) CHECK(std::abs(n - 500) < 105);
}

TEST_CASE("without shuffling the order is the file's") {
  SampleOrder order(5, false, 1);
  CHECK(epoch_of(order, 7, 5) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
}

TEST_CASE("a position outside the epoch is a bug") {
  SampleOrder order(5, true, 1);
  CHECK_THROWS_AS(order.at(0, 5), ModelBug);
  CHECK_THROWS_AS(order.at(0, -1), ModelBug);
  CHECK_THROWS_AS(order.at(-1, 0), ModelBug);
}

}  // namespace stagecoach
