// SPDX-License-Identifier: Apache-2.0
// Is everything done once, whatever the number of threads, and does no exception get lost?
#include "models/base/parallel.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("a shared loop does everything once") {
  for (int threads : {1, 2, 3, 16}) {
    for (std::int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<int> done(static_cast<std::size_t>(count));
      in_parallel(count, threads, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) ++done[static_cast<std::size_t>(i)];
      });
      CHECK(done == std::vector<int>(static_cast<std::size_t>(count), 1));
    }
  }
}

TEST_CASE("the first part's exception comes out once all parts have ended") {
  std::vector<int> ended(4);
  try {
    in_parallel(4, 4, [&](std::int64_t begin, std::int64_t) {
      ended[static_cast<std::size_t>(begin)] = 1;
      if (begin > 0) throw std::runtime_error("part " + std::to_string(begin));
    });
    FAIL("nothing was thrown");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()) == "part 1");
  }
  CHECK(ended == std::vector<int>{1, 1, 1, 1});
}
