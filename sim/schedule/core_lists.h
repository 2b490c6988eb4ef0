// SPDX-License-Identifier: Apache-2.0
// Where each core stands in the list that the schedule gives it (Schedule::core_order).
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

/// The lists of all cores, mini-batch after mini-batch; empty where the schedule has none.
class CoreLists {
 public:
  /// Both must outlive this.
  CoreLists(const Schedule& schedule, const MicroBatchPlan& plan);

  bool present() const { return !cores_.empty(); }
  /// A new tick: every core may do one operation.
  void begin_tick();
  /// True if the stage's core has nothing done in this tick, and this operation of this stage next.
  bool is_next(int stage, StageOperation operation) const;
  /// The stage's core has done what it had next.
  void advance(int stage);

 private:
  struct Core {
    /// Of this mini-batch; null after the last.
    const std::vector<ListedOperation>* list = nullptr;
    std::size_t next = 0;
    MicroBatchId batch_end = 0;
    bool has_worked = false;  ///< in this tick
  };

  void begin_batch(int core, MicroBatchId first);

  const Schedule& schedule_;
  const MicroBatchPlan& plan_;
  std::vector<Core> cores_;
  /// By core and number of micro-batches: a full mini-batch's, and a short one's that ends epochs.
  std::map<std::pair<int, int>, std::vector<ListedOperation>> lists_;
};

}  // namespace stagecoach
