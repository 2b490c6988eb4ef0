// SPDX-License-Identifier: Apache-2.0
// Question: are stages laid on cores as well as the cores allow?
#include "sim/plan/mapping.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "models/base/error.h"
#include "sim/plan/balanced_mapping.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

double worst_of(const std::vector<double>& loads, const std::vector<int>& runs) {
  std::vector<double> sums(loads.size(), 0);
  for (std::size_t i = 0; i < loads.size(); ++i) sums[runs[i]] += loads[i];
  return *std::max_element(sums.begin(), sums.end());
}

/// All ways to cut `loads` into `parts` runs, tried one by one.
double best_by_trial(const std::vector<double>& loads, int parts, std::size_t from = 0) {
  double sum = 0, best = 1e300;
  if (parts == 1) {
    for (std::size_t i = from; i < loads.size(); ++i) sum += loads[i];
    return sum;
  }
  for (std::size_t i = from; i + parts <= loads.size(); ++i) {
    sum += loads[i];
    best = std::min(best, std::max(sum, best_by_trial(loads, parts - 1, i + 1)));
  }
  return best;
}

TEST_CASE("stages that share cores are cut into the runs that trying all of them finds best") {
  const std::vector<std::vector<double>> cases = {
      {5, 1, 1, 1, 5}, {1, 2, 3, 4, 5, 6, 7}, {9, 1, 1, 1, 1, 1}, {1, 1, 1}, {4, 3, 8, 1, 1, 9, 2}};
  for (const auto& loads : cases) {
    for (int parts = 1; parts <= static_cast<int>(loads.size()); ++parts) {
      const std::vector<int> runs = split_into_runs(loads, parts);
      CAPTURE(parts);
      CHECK(runs.front() == 0);
      CHECK(std::is_sorted(runs.begin(), runs.end()));
      CHECK(runs.back() < parts);
      CHECK(worst_of(loads, runs) == best_by_trial(loads, parts));
    }
  }
}

TEST_CASE("balanced cores reach the lowest greatest load that giving them one by one reaches") {
  const std::vector<double> work = {100, 730, 60, 5};
  const auto load = [&](int k, std::int64_t n) {
    return std::ceil(work[static_cast<std::size_t>(k)] /
                     static_cast<double>(std::min<std::int64_t>(n, 9)));
  };
  const auto shares = [](const std::vector<std::int64_t>& least, std::int64_t cores,
                         const std::function<double(int, std::int64_t)>& load) {
    std::vector<std::int64_t> n;
    for (const Service& s :
         balance_cores(static_cast<int>(least.size()), {{0, cores}},
                       {[&](int k, int) { return least[static_cast<std::size_t>(k)]; },
                        [&](int k, const Service&of) { return load(k, of.cores); }}))
      n.push_back(s.cores);
    return n;
  };
  for (std::int64_t cores = 4; cores < 40; ++cores) {
    const std::vector<std::int64_t> n = shares({1, 1, 1, 1}, cores, load);
    REQUIRE(n.size() == 4);
    // Greedy: always to the slowest. Optimal for loads that fall with every core.
    std::vector<std::int64_t> greedy = {1, 1, 1, 1};
    for (std::int64_t left = cores - 4; left > 0; --left) {
      int slowest = 0;
      for (int k = 1; k < 4; ++k) {
        if (load(k, greedy[k]) > load(slowest, greedy[slowest])) slowest = k;
      }
      ++greedy[slowest];
    }
    double worst = 0, greedy_worst = 0;
    std::int64_t used = 0;
    for (int k = 0; k < 4; ++k) {
      worst = std::max(worst, load(k, n[k]));
      greedy_worst = std::max(greedy_worst, load(k, greedy[k]));
      used += n[k];
    }
    CAPTURE(cores);
    CHECK(used <= cores);
    CHECK(worst == greedy_worst);
  }
  CHECK(shares({3, 3}, 5, [](int, std::int64_t) { return 1.0; }).empty());
  CHECK(shares({2, 3}, 9, [](int, std::int64_t) { return 1.0; }) ==
        std::vector<std::int64_t>{2, 3});
}

/// LeNet-5 on resident cores of 16 lanes.
struct MappingSetting {
  HardwareSpec hw;
  Network net = lenet5();
  Partition stages = make_partition(net, {});
  TrainSpec train;

  MappingSetting() {
    hw.cores.resize(1);
    hw.cores[0].kind = CoreKind::resident;
    hw.cores[0].resident.lanes_per_tile = 16;
    hw.cores[0].count = 16;
  }
  Mapping map() {
    PlanScope scope;
    scope.hardware = &hw, scope.network = &net, scope.partition = &stages, scope.train = train;
    return make_mapping(scope, std::vector<StageSlots>(stages.size()));
  }
};

TEST_CASE("one core per stage goes in order; with fewer cores neighbours share") {
  MappingSetting s;
  const Mapping plain = s.map();
  REQUIRE(plain.units.size() == 5);
  for (int k = 0; k < 5; ++k) CHECK(plain.stages[k].forward_unit == k);
  s.hw.cores[0].count = 2;
  const Mapping shared = s.map();
  REQUIRE(shared.units.size() == 2);
  std::vector<int> units;
  for (const StageMapping& m : shared.stages) units.push_back(m.forward_unit);
  // conv1 15680 cycles, conv2 45000 and the rest about 14000: conv2 cannot be relieved.
  CHECK(units == std::vector<int>{0, 1, 1, 1, 1});
}

TEST_CASE("forward and backward on hardware of their own take 2S - 1 units") {
  MappingSetting s;
  s.hw.mapping.split_forward_backward = true;
  const Mapping m = s.map();
  CHECK(m.units.size() == 9);
  for (int k = 0; k < 4; ++k) CHECK(m.stages[k].forward_unit != m.stages[k].backward_unit);
  CHECK(m.stages[4].forward_unit == m.stages[4].backward_unit);
  s.hw.cores[0].count = 8;
  CHECK_THROWS_AS(s.map(), UserError);
}

TEST_CASE("rectangles fill one group of cores after the other, and no stage lies in two") {
  MappingSetting s;
  s.hw.cores.push_back(s.hw.cores[0]);
  s.hw.cores[0].count = 5, s.hw.cores[1].count = 6;
  s.hw.mapping.kind = MappingKind::rectangle;
  s.hw.mapping.rows = 2;
  const Mapping m = s.map();
  const int groups[] = {0, 0, 1, 1, 1};
  for (int k = 0; k < 5; ++k) {
    CHECK(m.forward(k).group == groups[k]);
    CHECK(m.forward(k).cores == 2);
  }
  s.hw.mapping.split_forward_backward = true;
  s.hw.cores[1].count = 14;
  const Mapping split = s.map();
  const int split_groups[] = {0, 1, 1, 1, 1};
  for (int k = 0; k < 5; ++k) {
    CHECK(split.forward(k).group == split_groups[k]);
    CHECK(split.backward(k).group == split_groups[k]);
  }
  s.hw.cores[1].count = 13;
  CHECK_THROWS_WITH(s.map(), Catch::Contains("each within one group"));
}

TEST_CASE("a rectangle gives every stage as many cores, and says when there are too few") {
  MappingSetting s;
  s.hw.mapping.kind = MappingKind::rectangle;
  s.hw.mapping.rows = 1, s.hw.mapping.columns = 3;
  const Mapping m = s.map();
  REQUIRE(m.units.size() == 5);
  CHECK(m.units[4].first_core == 12);
  CHECK(m.forward(4).cores == 3);
  s.hw.mapping.rows = 2;
  CHECK_THROWS_WITH(s.map(), Catch::Contains("needs 30 cores and there are 16"));
}

TEST_CASE("balanced gives the heavy convolution most cores") {
  MappingSetting s;
  s.hw.mapping.kind = MappingKind::balanced;
  const Mapping m = s.map();
  CHECK(m.forward(1).cores > m.forward(0).cores);
  CHECK(m.forward(0).cores > m.forward(4).cores);
  std::int64_t used = 0;
  for (const Unit& u : m.units) used += u.service.cores;
  CHECK(used <= 16);
}

TEST_CASE("a balanced mapping stalls where buffers are too small, if the file says so") {
  MappingSetting s;
  s.hw.mapping.kind = MappingKind::balanced;
  BufferSpec small;
  small.capacity_kib = 12;  // one sample of conv1 (4 bytes x 784 in, 4704 bits of a ReLU, ...)
  s.hw.cores[0].activation_buffer = small;
  std::vector<StageSlots> many(s.stages.size());
  for (StageSlots& slots : many) slots.activation_micro_batches = 9;
  PlanScope scope;
  scope.hardware = &s.hw, scope.network = &s.net, scope.partition = &s.stages;
  scope.train = s.train;
  CHECK(make_mapping(scope, many).forward(0).cores > 1);
  s.hw.cores[0].count = 5;
  CHECK_THROWS_WITH(make_mapping(scope, many), Catch::Contains("in the cores' buffers needs") &&
                                                   Catch::Contains("there are 5"));
  s.hw.memory_policy = MemoryPolicy::stall;
  for (const Unit& u : make_mapping(scope, many).units) CHECK(u.service.cores == 1);
}

TEST_CASE("an explicit list must name every stage once, and only those") {
  MappingSetting s;
  s.hw.mapping.kind = MappingKind::explicit_list;
  s.hw.mapping.stages = {
      {"conv1", "core", 2}, {"conv2", "core", 7}, {"fc1", "core", 3}, {"fc2", "core", 1}};
  CHECK_THROWS_WITH(s.map(), Catch::Contains("stage \"fc3\" is not listed"));
  s.hw.mapping.stages.push_back({"fc3", "core", 1});
  CHECK(s.map().forward(1).cores == 7);
  s.hw.mapping.stages.push_back({"fc9", "core", 1});
  CHECK_THROWS_WITH(s.map(), Catch::Contains("no stage \"fc9\""));
  s.hw.mapping.stages.back() = {"fc3", "core", 1};
  CHECK_THROWS_WITH(s.map(), Catch::Contains("listed twice"));
  s.hw.mapping.stages.pop_back();
  s.hw.mapping.stages.back().cores = 10;
  CHECK_THROWS_WITH(s.map(), Catch::Contains("needs 23 cores and there are 16"));
}

}  // namespace
}  // namespace stagecoach
