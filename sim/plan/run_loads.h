// SPDX-License-Identifier: Apache-2.0
// What runs of layers cost as stages, for the search for cuts: from sums over layers, so that every
// run is as cheap to ask for as any other.
#pragma once

#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/plan/best_begins.h"
#include "sim/plan/mapping.h"
#include "sim/plan/search_effort.h"
#include "sim/timing/cost.h"

namespace stagecoach {

/// Sums over layers [0, l) at index l; the loss is one more "layer" at the end.
struct PrefixSums {
  std::vector<PassSums> forward{PassSums{}}, backward{PassSums{}}, weight_gradient{PassSums{}},
      update{PassSums{}};
};
PrefixSums prefix_sums(const PlanScope& scope, const Service& service);

/// The cost of layers [first, end); the run with the last layer holds the loss.
StageCost cost_of_run(const PlanScope& scope, const StageService& service,
                      const PrefixSums& forward, const PrefixSums& backward, int first, int end);

/// Layers [first, end) as a partition that has them as a stage of their own, and which stage.
std::pair<Partition, int> partition_around(const PlanScope& scope, int first, int end);

/// The load of any run of layers as any stage, on the cores that the stage gets whatever it holds.
class RunLoads : public LoadOfRun {
 public:
  RunLoads(const PlanScope& scope, int stages, SearchEffort* effort = nullptr);

  /// From now on with the transfers of what a stage's cores do not hold, over one of so many shares
  /// of the DRAM channel.
  void spill(std::vector<StageSlots> slots, std::int64_t sharers);

  /// Of stage k holding layers [first, end).
  double operator()(int k, int first, int end) const override;
  bool as_before(int k) const override;
  double slack() const override;

 private:
  void add_transfers(int k, int first, int end, StageCost& cost) const;

  const PlanScope& scope_;
  SearchEffort* effort_;
  std::vector<StageService> services_;
  std::map<std::pair<int, std::int64_t>, PrefixSums> sums_;
  std::vector<StageSlots> slots_;
  std::int64_t sharers_ = 0;
  /// By group, cores and run; slots are those of the stage that asks.
  mutable std::map<std::tuple<int, std::int64_t, int, int>, MemoryNeeds> needs_;
};

}  // namespace stagecoach
