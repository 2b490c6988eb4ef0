// SPDX-License-Identifier: Apache-2.0
// Follows who waits for whom.
#include "sim/modules/watchdog.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {

Watchdog::Watchdog(sc_core::sc_module_name name, const RunControl& control,
                   std::vector<const StageController*> stages,
                   std::vector<const ActivationBuffer*> buffers)
    : sc_module(name),
      control_(control),
      stages_(std::move(stages)),
      buffers_(std::move(buffers)) {}

std::string Watchdog::name_of(const Waiting& waiting) const {
  const StageController& stage = *stages_[waiting.stage];
  const bool forward = waiting.operation == StageOperation::forward;
  const MicroBatchId micro_batch = forward ? stage.progress().forwards : stage.progress().backwards;
  return "stage " + std::to_string(waiting.stage) + " (" + stage.plan().name + ") " +
         (forward ? "forward" : "backward") + " of micro-batch " + std::to_string(micro_batch);
}

Watchdog::Waiting Watchdog::awaited_by_forward(int k, std::string& reason) const {
  const StageController& stage = *stages_[k];
  const std::string self = "stage " + std::to_string(k);
  switch (stage.obstacle(StageOperation::forward, kUnlimited<std::int64_t>)) {
    case Obstacle::credit:
      for (const OutputPort& port : stage.forward_outputs()) {
        if (port.receiver->has_room(port.edge)) continue;
        const bool full = port.edge == 0 && port.receiver->buffer_full();
        const std::string to = "stage " + std::to_string(port.to_stage);
        reason = full ? "a credit of " + to + ", whose buffer of " +
                            std::to_string(buffers_[port.to_stage]->capacity_micro_batches()) +
                            " micro-batches is full"
                      : "a credit of " + to + ", whose input queue is full";
        return {port.to_stage, full ? StageOperation::backward : StageOperation::forward};
      }
      break;
    case Obstacle::own_buffer:
      reason = "a place in its own buffer of " +
               std::to_string(buffers_[k]->capacity_micro_batches()) + " micro-batches";
      return {k, StageOperation::backward};
    case Obstacle::in_flight:
      reason = "fewer micro-batches in flight at " + self;
      return {k, StageOperation::backward};
    case Obstacle::order:
      reason = "the schedule: what is in the pipeline must leave first";
      return {k == 0 ? 0 : k, StageOperation::backward};
    case Obstacle::data:
    case Obstacle::no_more_micro_batches:
    case Obstacle::nothing:
      break;
  }
  if (k == 0) {
    const bool full = buffers_[0]->buffer_full();
    reason = full ? "a place in its own buffer of " +
                        std::to_string(buffers_[0]->capacity_micro_batches()) + " micro-batches"
                  : "the host";
    return {0, StageOperation::backward};
  }
  const MicroBatchId p = stage.progress().forwards;
  int producer = k - 1;
  for (const InputEdge& edge : buffers_[k]->edges()) {
    if (edge.producer_stage < 0) continue;
    if (stages_[edge.producer_stage]->progress().forwards <= p) producer = edge.producer_stage;
  }
  reason = "an activation of stage " + std::to_string(producer);
  return {producer, StageOperation::forward};
}

Watchdog::Waiting Watchdog::awaited_by_backward(int k, std::string& reason) const {
  const StageController& stage = *stages_[k];
  const MicroBatchId p = stage.progress().backwards;
  if (p == stage.progress().forwards) {
    reason = "its own forward";
    return {k, StageOperation::forward};
  }
  if (stage.obstacle(StageOperation::backward, kUnlimited<std::int64_t>) == Obstacle::order) {
    reason = "the schedule: the forwards of the mini-batch come first";
    return {k, StageOperation::forward};
  }
  int consumer = k + 1 < static_cast<int>(stages_.size()) ? k + 1 : k;
  for (const OutputPort& port : stage.forward_outputs()) {
    if (stages_[port.to_stage]->progress().backwards <= p) consumer = port.to_stage;
  }
  reason = "a gradient of stage " + std::to_string(consumer);
  return {consumer, StageOperation::backward};
}

Watchdog::Waiting Watchdog::awaited(const Waiting& waiting, std::string& reason) const {
  return waiting.operation == StageOperation::forward ? awaited_by_forward(waiting.stage, reason)
                                                      : awaited_by_backward(waiting.stage, reason);
}

void Watchdog::check() const {
  if (control_.complete() || control_.halted()) return;
  // Everybody waits for exactly one, so following that must come back to where it was.
  std::vector<Waiting> way{{0, StageOperation::backward}};
  std::vector<std::string> reasons;
  for (;;) {
    std::string reason;
    const Waiting next = awaited(way.back(), reason);
    reasons.push_back(reason);
    const auto seen = std::find(way.begin(), way.end(), next);
    if (seen == way.end()) {
      way.push_back(next);
      continue;
    }
    std::string ring;
    for (auto i = static_cast<std::size_t>(seen - way.begin()); i < way.size(); ++i) {
      ring += "\n  " + name_of(way[i]) + " waits for " + reasons[i];
    }
    throw UserError(
        "deadlock after " + std::to_string(control_.pipeline_retired()) +
        " micro-batches: nothing can continue, because these operations wait for each other:" +
        ring +
        "\nA queue or a buffer is too small for the schedule: raise "
        "/input_queue_micro_batches or the core's capacity_kib, use smaller or fewer "
        "micro-batches, or another schedule.");
  }
}

}  // namespace stagecoach
