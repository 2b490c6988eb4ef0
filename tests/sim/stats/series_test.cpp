// SPDX-License-Identifier: Apache-2.0
// Question: do the series of many stages together stay small, and say the same as longer ones?
#include "sim/stats/series.h"

#include <catch2/catch.hpp>

namespace stagecoach {
namespace {

TEST_CASE("series keep their length up to a thousand stages and share it beyond") {
  CHECK(longest_series(512, 1) == 512);
  CHECK(longest_series(512, 1024) == 512);
  CHECK(longest_series(512, 1025) == 256);
  CHECK(longest_series(2000, 4096) == 500);
  for (const int stages : {2000, 4000, 16000}) {
    CAPTURE(stages);
    CHECK(stages * longest_series(512, stages) <= 512 * 1024);
  }
  CHECK(longest_series(512, 1000000) == 32);  // enough to see a pipeline fill and drain
  CHECK(longest_series(20, 1000000) == 20);
}

TEST_CASE("a shorter series has the same totals, in windows that are powers of two longer") {
  CycleAccount whole(1, 512), part(1, longest_series(512, 4000));
  for (CycleAccount* account : {&whole, &part}) {
    for (int i = 0; i < 900; ++i) {
      account->book(i % 3 == 0 ? CycleKind::forward : CycleKind::backward, Cycles{3 * i + i % 2});
      account->count_micro_batches(account->until(), 1, i % 5);
    }
  }
  CHECK(whole.totals().by_kind == part.totals().by_kind);
  const auto sum = [](const std::vector<StageWindow>& windows) {
    std::pair<std::int64_t, std::int64_t> counts;
    for (const StageWindow& w : windows)
      counts.first += w.micro_batches, counts.second += w.staleness_sum;
    return counts;
  };
  CHECK(sum(whole.windows()) == sum(part.windows()));
  const std::vector<StageWindow> windows = part.take_windows();
  CHECK(windows.size() <= 128);
  CHECK(windows.capacity() <= 128);
  CHECK(windows[1].begin.count() == 4 * whole.windows()[1].begin.count());
}

}  // namespace
}  // namespace stagecoach
