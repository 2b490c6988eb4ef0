// SPDX-License-Identifier: Apache-2.0
// The price of a whole stage on the cores that serve it.
#pragma once

#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "sim/schedule/schedule.h"
#include "sim/timing/cost.h"
#include "sim/timing/layer_price.h"

namespace stagecoach {

/// The inputs of all prices of one run.
struct PlanScope {
  const HardwareSpec* hardware = nullptr;
  const Network* network = nullptr;
  const Partition* partition = nullptr;
  TrainSpec train;
  int micro_batch_samples = 1;  ///< of a full micro-batch
  std::int64_t micro_batches_per_update = 1;
  bool splits_backward = false;  ///< Schedule::splits_backward
  int turnaround = 0;            ///< Schedule::turnaround
  bool forward_only = false;     ///< Schedule::forward_only: no backward, no update, no loss
  /// Where the schedule itself deals out stages to cores (Schedule::cores); else null.
  const Schedule* chunked = nullptr;
  RecomputeSpec recompute = {};  ///< for stages that are still to be cut

  /// With split_forward_backward: does stage `k` of `stages` have two units? In the last stage the
  /// backward follows its forward at once, and both share one unit, unless there is a turnaround
  /// register between them.
  bool has_two_units(int k, int stages) const {
    return hardware->mapping.split_forward_backward && (turnaround > 0 || k + 1 < stages);
  }
  std::int64_t units(int stages) const {
    return hardware->mapping.split_forward_backward ? 2 * stages - 1 + turnaround : stages;
  }
};

/// The scope of a run; `partition` is null until the network is cut, and `recompute` is then left
/// to the caller.
PlanScope plan_scope(const HardwareSpec& hardware, const Network& network, const TrainSpec& train,
                     const MicroBatchPlan& micro_batches, const Schedule& schedule,
                     const Partition* partition = nullptr);

/// How many cores of which group serve one direction of a stage.
struct Service {
  int group = 0;  ///< index in HardwareSpec::cores
  std::int64_t cores = 1;
};

PricingContext pricing_context(const PlanScope& scope, const Service& service);

/// Cost of stage k for a micro-batch of `samples`; kind `fixed` gives its constants.
StageCost price_stage(const PlanScope& scope, int stage, const Service& forward,
                      const Service& backward, int samples);

/// Two operations beside each other: the longer.
OpCost beside(const OpCost& a, const OpCost& b);
/// One after the other.
OpCost after(const OpCost& a, const OpCost& b);

/// Makes operations from sums over passes. Adds the recomputed forward before the gradients; takes
/// the longer gradient if passes are concurrent (and the schedule does not `split` the backward);
/// adds the fixed cost of each operation. An update counts as an operation if it takes time of its
/// own.
void finish_cost(StageCost& cost, const CoreSpec& forward, const CoreSpec& backward, bool split);

/// Counts of events, fitted exactly through micro-batches of one sample and full micro-batches.
StageEvents stage_events(const PlanScope& scope, int stage, const Service& forward,
                         const Service& backward);

/// Prices of one layer for a full micro-batch (update: one update).
LayerCost price_layer(const PlanScope& scope, int layer, const Service& forward,
                      const Service& backward);
/// The same of the loss, which the last stage computes behind its layers.
LayerCost price_loss_layer(const PlanScope& scope, const Service& forward, const Service& backward);

/// Cycles that one micro-batch keeps the stage's hardware busy: forward + backward + its share of
/// an update, or the longer direction where each has hardware of its own.
double stage_load(const PlanScope& scope, const StageCost& cost, bool split);

/// True if the weight gradients of this layer take space in the weight buffer.
bool stores_weight_gradient(const LayerNode& node, const PricingContext& context);

}  // namespace stagecoach
