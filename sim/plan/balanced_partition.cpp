// SPDX-License-Identifier: Apache-2.0
// Which search finds the cuts, and which of several cuts is the fastest where the chip spills.
#include "sim/plan/balanced_partition.h"

#include <algorithm>
#include <limits>

#include "models/base/error.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/cores_and_cuts.h"
#include "sim/plan/mapping.h"
#include "sim/plan/run_loads.h"
#include "sim/plan/spill_load.h"

namespace stagecoach {

namespace {

std::vector<std::string> cuts_of(const Network& network, const std::vector<int>& begins) {
  std::vector<std::string> cuts;
  for (std::size_t k = 1; k < begins.size(); ++k)
    cuts.push_back(network.layers[static_cast<std::size_t>(begins[k] - 1)].spec.name);
  return cuts;
}

/// Where a chip spills, what a stage costs depends on who shares its core and how many share the
/// DRAM channel, which is known when all is cut. So several cuts are made, each with an assumption
/// about these, and the machine that is fastest in closed form is kept.
class FastestOf {
 public:
  FastestOf(const PlanScope& scope, const MicroBatchPlan& micro_batches, const Schedule& schedule,
            int stages, SearchEffort* effort)
      : scope_(scope),
        micro_batches_(micro_batches),
        schedule_(schedule),
        stages_(stages),
        effort_(effort) {}

  /// Returns whether it is the fastest so far.
  bool offer(const std::vector<int>& begins) {
    spend(effort_, kLooksOfPlannedStage * stages_);
    const Partition parts = make_partition(
        *scope_.network, {PartitionKind::cuts, cuts_of(*scope_.network, begins), scope_.recompute});
    try {
      const PlannedMachine machine =
          build_machine_plan(*scope_.hardware, *scope_.network, parts, micro_batches_, schedule_,
                             scope_.train, FitCheck::report);
      const double cycles = machine.report.balance.cycles_per_micro_batch();
      if (!best_.empty() && cycles >= least_) return false;
      least_ = cycles;
      best_ = begins;
      return true;
    } catch (const UserError&) {
      if (best_.empty()) best_ = begins;  // told again when the stages are mapped
      return false;
    }
  }

  /// Balanced with every number of users of the channel that may come true.
  void offer_balanced(const std::vector<StageSlots>& slots) {
    const int layers = static_cast<int>(scope_.network->layers.size());
    RunLoads loads(scope_, stages_, effort_);
    for (const std::int64_t n : sharers_to_try(*scope_.hardware, std::int64_t{2} * stages_)) {
      loads.spill(slots, n);
      offer(best_begins(loads, layers, stages_));
    }
  }

  /// As many layers each.
  void offer_equal() {
    const int layers = static_cast<int>(scope_.network->layers.size());
    std::vector<int> begins;
    for (int k = 0; k < stages_; ++k) begins.push_back(k * layers / stages_);
    offer(begins);
  }

  /// Balanced as if each core had one stage, which is then cut further: fewer cores than stages.
  void offer_balanced_cores(std::int64_t cores) {
    if (cores >= stages_) return;
    const int layers = static_cast<int>(scope_.network->layers.size());
    const auto runs = static_cast<int>(cores);
    const std::vector<StageSlots> slots = slots_of(schedule_, stages_, micro_batches_);
    RunLoads loads(scope_, runs, effort_);
    for (const std::int64_t n : sharers_to_try(*scope_.hardware, cores)) {
      loads.spill({slots.begin(), slots.begin() + runs}, n);
      std::vector<int> begins = best_begins(loads, layers, runs);
      while (static_cast<int>(begins.size()) < stages_) {
        std::size_t longest = 0;
        const auto end = [&](std::size_t k) {
          return k + 1 < begins.size() ? begins[k + 1] : layers;
        };
        for (std::size_t k = 1; k < begins.size(); ++k) {
          if (end(k) - begins[k] > end(longest) - begins[longest]) longest = k;
        }
        begins.insert(begins.begin() + static_cast<std::ptrdiff_t>(longest) + 1,
                      (begins[longest] + end(longest)) / 2);
      }
      offer(begins);
    }
  }

  /// Moves one cut by one or two layers as long as that helps.
  void improve() {
    int tries = std::min(200, 3000 / static_cast<int>(scope_.network->layers.size()));
    for (bool better = true; better && tries > 0;) {
      better = false;
      for (std::size_t k = 1; k < best_.size() && tries > 0; ++k) {
        for (const int step : {-1, 1, -2, 2}) {
          std::vector<int> moved = best_;
          moved[k] += step;
          const int end =
              k + 1 < moved.size() ? moved[k + 1] : static_cast<int>(scope_.network->layers.size());
          if (moved[k] <= moved[k - 1] || moved[k] >= end) continue;
          --tries;
          better = offer(moved) || better;
        }
      }
    }
  }

  const std::vector<int>& best() const { return best_; }

 private:
  const PlanScope& scope_;
  const MicroBatchPlan& micro_batches_;
  const Schedule& schedule_;
  int stages_;
  SearchEffort* effort_;
  double least_ = std::numeric_limits<double>::infinity();
  std::vector<int> best_;
};

}  // namespace

std::vector<std::string> balanced_cuts(const HardwareSpec& hardware, const Network& network,
                                       const TrainSpec& train, const MicroBatchPlan& micro_batches,
                                       const Schedule& schedule, int stages,
                                       RecomputeKind recompute, SearchEffort* effort) {
  const int layers = static_cast<int>(network.layers.size());
  if (stages < 1 || stages > layers) {
    throw UserError("/pipeline/partition/balanced: found " + std::to_string(stages) +
                    "; allowed: from 1 to the network's " + std::to_string(layers) + " layers");
  }
  PlanScope scope = plan_scope(hardware, network, train, micro_batches, schedule);
  scope.recompute.kind = recompute;
  std::vector<int> begins;
  if (hardware.mapping.kind == MappingKind::balanced) {
    begins = begins_with_cores(scope, stages, slots_of(schedule, stages, micro_batches), effort);
  }
  // Too few cores for any cuts is told when the stages are mapped.
  if (begins.empty()) begins = best_begins(RunLoads(scope, stages, effort), layers, stages);
  if (hardware.memory_policy == MemoryPolicy::spill && hardware.dram) {
    FastestOf fastest(scope, micro_batches, schedule, stages, effort);
    fastest.offer(begins);
    fastest.offer_balanced(slots_of(schedule, stages, micro_batches));
    fastest.offer_equal();
    if (hardware.mapping.kind == MappingKind::one_core_per_stage)
      fastest.offer_balanced_cores(cores_available(hardware));
    fastest.improve();
    begins = fastest.best();
  }
  return cuts_of(network, begins);
}

}  // namespace stagecoach
