// SPDX-License-Identifier: Apache-2.0
// Is the compressed queue of versions a queue of versions?
#include "sim/schedule/version_queue.h"

#include <catch2/catch.hpp>
#include <deque>
#include <random>

namespace stagecoach {
namespace {

TEST_CASE("versions in runs come out as they went in, whatever the steps between them") {
  std::mt19937 random(7);
  for (int turn = 0; turn < 200; ++turn) {
    VersionQueue runs;
    std::deque<WeightVersion> plain;
    WeightVersion version = 0;
    const unsigned mixed = random() % 4;  // 0: the steady state, 3: anything
    for (int i = 0; i < 400; ++i) {
      if (random() % 5 < 3 || plain.empty()) {
        const unsigned step = random() % 4;
        version += mixed == 0 ? 1 : mixed == 1 ? 0 : mixed == 2 ? step % 2 : step;
        runs.push_back(version);
        plain.push_back(version);
      } else {
        runs.pop_front();
        plain.pop_front();
      }
      REQUIRE(runs.empty() == plain.empty());
      if (plain.empty()) continue;
      REQUIRE(runs.front() == plain.front());
      REQUIRE(runs.back() == plain.back());
    }
  }
}

}  // namespace
}  // namespace stagecoach
