// SPDX-License-Identifier: Apache-2.0
// Does the timing wheel give everything at its time, like a sorted map?
#include "sim/base/timing_wheel.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace stagecoach {
namespace {

TEST_CASE("the timing wheel gives every entry at its time and none before") {
  std::mt19937_64 random(3);
  for (const int bits : {0, 1, 5, 6, 7, 12, 13, 30, 61}) {
    TimingWheel<int> wheel;
    std::multimap<Cycles, int> map;
    Cycles now = 0;
    for (int i = 0; i < 20000; ++i) {
      if (random() % 3 != 0 || map.empty()) {
        // Now, soon, or far away, and often at equal times.
        const int spread = static_cast<int>(random() % static_cast<unsigned>(bits + 1));
        const auto ahead = static_cast<Cycles>(random() & ((std::uint64_t{1} << spread) - 1));
        if (now > kUnlimited<std::int64_t> / 2) continue;
        wheel.push(now + ahead, i);
        map.emplace(now + ahead, i);
      } else {
        REQUIRE(wheel.next_time() == map.begin()->first);
        now = wheel.next_time();
        std::vector<int> due, expected;
        wheel.take_due(due);
        const auto range = map.equal_range(now);
        for (auto entry = range.first; entry != range.second; ++entry) {
          expected.push_back(entry->second);
        }
        map.erase(range.first, range.second);
        std::sort(due.begin(), due.end());
        std::sort(expected.begin(), expected.end());
        REQUIRE(due == expected);
      }
      REQUIRE(wheel.next_time() == (map.empty() ? kUnlimited<std::int64_t> : map.begin()->first));
    }
  }
}

}  // namespace
}  // namespace stagecoach
