// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/core_lists.h"

#include <utility>

namespace stagecoach {

CoreLists::CoreLists(const Schedule& schedule, const MicroBatchPlan& plan)
    : schedule_(schedule), plan_(plan), cores_(static_cast<std::size_t>(schedule.cores())) {
  for (int core = 0; core < schedule.cores(); ++core) begin_batch(core, 0);
}

void CoreLists::begin_batch(int core, MicroBatchId first) {
  Core& here = cores_[static_cast<std::size_t>(core)];
  here.next = 0;
  here.list = nullptr;
  if (first >= plan_.micro_batches()) return;
  here.batch_end = plan_.at(first).batch_end;
  const int micro_batches = static_cast<int>(here.batch_end - first);
  const auto [known, is_new] = lists_.try_emplace({core, micro_batches});
  if (is_new) known->second = schedule_.core_order(core, micro_batches);
  here.list = &known->second;
}

void CoreLists::begin_tick() {
  for (Core& core : cores_) core.has_worked = false;
}

bool CoreLists::is_next(int stage, StageOperation operation) const {
  const Core& core = cores_[static_cast<std::size_t>(schedule_.core_of(stage))];
  if (core.has_worked || !core.list) return false;
  const ListedOperation& next = (*core.list)[core.next];
  return next.stage == stage && next.operation == operation;
}

void CoreLists::advance(int stage) {
  const int number = schedule_.core_of(stage);
  Core& core = cores_[static_cast<std::size_t>(number)];
  core.has_worked = true;
  if (++core.next == core.list->size()) begin_batch(number, core.batch_end);
}

}  // namespace stagecoach
