// SPDX-License-Identifier: Apache-2.0
// The order of the lockstep ticks, kept in elastic pacing: which operation a unit of hardware does
// next, even if another one could start. No operation overtakes another one, so an operation that
// ends earlier, or a message that arrives earlier, never makes another one later.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "sim/schedule/lockstep.h"

namespace stagecoach {

/// The operations of each unit in the order of the ticks of `lockstep`; within a tick the later
/// stage first, since what it frees may let a stage before it begin.
class PlannedOrder {
 public:
  /// Which unit does an operation of a stage, from 0.
  using UnitOf = std::function<int(int stage, StageOperation operation)>;

  /// `schedule` and `plan` must outlive this; `capacity_micro_batches`: see LockstepOrder.
  PlannedOrder(const Schedule& schedule, const MicroBatchPlan& plan, int stages,
               std::vector<std::int64_t> capacity_micro_batches, int units, UnitOf unit_of);

  /// True if the stage's next operation of this kind is what its unit does next.
  bool is_next(int stage, StageOperation operation);
  /// It has started.
  void start(int stage, StageOperation operation);

 private:
  struct Planned {
    int stage = 0;
    StageOperation operation = StageOperation::forward;
  };

  std::deque<Planned>& queue_of(int stage, StageOperation operation);
  void add_tick();

  LockstepOrder order_;
  UnitOf unit_of_;
  std::vector<std::deque<Planned>> queues_;  ///< by unit: planned and not started
  std::vector<TickOperation> tick_;
  bool more_ = true;
};

}  // namespace stagecoach
