// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/planned_order.h"

#include "models/base/error.h"

namespace stagecoach {

PlannedOrder::PlannedOrder(const Schedule& schedule, const MicroBatchPlan& plan, int stages,
                           std::vector<std::int64_t> capacity_micro_batches, int units,
                           UnitOf unit_of)
    : order_(schedule, plan, stages, std::move(capacity_micro_batches)),
      unit_of_(std::move(unit_of)),
      queues_(static_cast<std::size_t>(units)) {}

void PlannedOrder::add_tick() {
  more_ = order_.next_tick(tick_);
  // Stages ascend, each with its operations in order.
  for (std::size_t end = tick_.size(); end > 0;) {
    std::size_t begin = end - 1;
    while (begin > 0 && tick_[begin - 1].stage == tick_[end - 1].stage) --begin;
    for (std::size_t i = begin; i < end; ++i) {
      const TickOperation& op = tick_[i];
      const auto unit = static_cast<std::size_t>(unit_of_(op.stage, op.operation));
      queues_[unit].push_back({op.stage, op.operation});
    }
    end = begin;
  }
}

std::deque<PlannedOrder::Planned>& PlannedOrder::queue_of(int stage, StageOperation operation) {
  auto& queue = queues_[static_cast<std::size_t>(unit_of_(stage, operation))];
  while (queue.empty() && more_) add_tick();
  return queue;
}

bool PlannedOrder::is_next(int stage, StageOperation operation) {
  const std::deque<Planned>& queue = queue_of(stage, operation);
  return !queue.empty() && queue.front().stage == stage && queue.front().operation == operation;
}

void PlannedOrder::start(int stage, StageOperation operation) {
  if (!is_next(stage, operation)) throw ModelBug("an operation overtook the planned order");
  queue_of(stage, operation).pop_front();
}

}  // namespace stagecoach
