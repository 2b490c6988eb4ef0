// SPDX-License-Identifier: Apache-2.0
// Measures an order of operations from the outside: ticks, delays, versions and micro-batches in
// flight, and checks that it respects the data.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "sim/schedule/lockstep.h"

namespace stagecoach {

struct TrackedStage {
  std::int64_t forwards = 0, backwards = 0, weight_gradients = 0, updates = 0;
  std::int64_t peak_in_flight = 0;
  std::int64_t peak_versions = 1;                         ///< distinct, the current one included
  std::map<MicroBatchId, WeightVersion> read;             ///< micro-batches in flight
  std::vector<std::int64_t> delays;                       ///< by micro-batch
  std::vector<std::int64_t> forward_tick, backward_tick;  ///< by micro-batch
  std::vector<MicroBatchId> waiting_for_update;
  std::map<MicroBatchId, WeightVersion> read_of_batch;
};

class OrderTracker {
 public:
  OrderTracker(const Schedule& schedule, const MicroBatchPlan& plan, int stages)
      : schedule_(schedule), plan_(plan), stages(stages) {
    for (auto& s : this->stages) {
      s.delays.assign(plan.micro_batches(), -1);
      s.forward_tick.assign(plan.micro_batches(), -1);
      s.backward_tick.assign(plan.micro_batches(), -1);
    }
  }

  void take(const TickOperation& op, std::int64_t tick) {
    TrackedStage& s = stages.at(op.stage);
    if (op.operation == StageOperation::forward) {
      require(op.micro_batch == s.forwards, "forwards in order");
      require(op.stage == 0 || stages[op.stage - 1].forwards > op.micro_batch, "input made");
      ++s.forwards;
      const WeightVersion version = op.version == Op::kCurrent ? s.updates : op.version;
      require(version <= s.updates, "version exists");
      s.read[op.micro_batch] = version;
      s.read_of_batch[op.micro_batch] = version;
      s.forward_tick[op.micro_batch] = tick;
      s.peak_in_flight = std::max<std::int64_t>(s.peak_in_flight, s.read.size());
      note_versions(s);
    } else if (op.operation == StageOperation::backward) {
      require(op.micro_batch == s.backwards, "backwards in order");
      require(s.read.count(op.micro_batch) == 1, "own forward done");
      const bool last = op.stage + 1 == static_cast<int>(stages.size());
      require(last || stages[op.stage + 1].backwards > op.micro_batch, "gradient made");
      ++s.backwards;
      s.backward_tick[op.micro_batch] = tick;
      if (schedule_.splits_backward()) {
        require(!op.update_follows, "the update follows the weight gradient");
      } else {
        leave(s, op);
      }
    } else if (op.operation == StageOperation::weight_gradient) {
      require(schedule_.splits_backward(), "apart only where the schedule splits");
      require(op.micro_batch == s.weight_gradients, "weight gradients in order");
      require(op.micro_batch < s.backwards, "own backward done");
      ++s.weight_gradients;
      leave(s, op);
    } else {
      require(false, "no separate update in lockstep");
    }
  }

  std::int64_t run(std::vector<std::int64_t> capacity_micro_batches = {}) {
    LockstepOrder order(schedule_, plan_, static_cast<int>(stages.size()),
                        std::move(capacity_micro_batches));
    std::vector<TickOperation> ops;
    while (order.next_tick(ops)) {
      for (const TickOperation& op : ops) take(op, order.ticks() - 1);
    }
    for (const auto& s : stages) {
      require(s.forwards == plan_.micro_batches() && s.backwards == plan_.micro_batches(),
              "complete");
      require(s.weight_gradients == (schedule_.splits_backward() ? plan_.micro_batches() : 0),
              "complete");
    }
    return order.ticks();
  }

 private:
  static void require(bool ok, const char* what) {
    if (!ok) throw std::logic_error(std::string("order violated: ") + what);
  }

  /// The micro-batch's gradients are complete.
  void leave(TrackedStage& s, const TickOperation& op) {
    require(op.update_follows == plan_.at(op.micro_batch).last_of_batch, "one update a mini-batch");
    if (op.update_follows) {
      for (const auto& [micro_batch, version] : s.read_of_batch) {
        if (micro_batch <= op.micro_batch) s.delays[micro_batch] = s.updates - version;
      }
      s.read_of_batch.erase(s.read_of_batch.begin(), s.read_of_batch.upper_bound(op.micro_batch));
      ++s.updates;
    }
    s.read.erase(op.micro_batch);
    note_versions(s);
  }

  void note_versions(TrackedStage& s) {
    std::set<WeightVersion> versions{s.updates};
    if (schedule_.weight_policy() == WeightPolicy::current) return;
    for (const auto& [micro_batch, version] : s.read) versions.insert(version);
    s.peak_versions = std::max<std::int64_t>(s.peak_versions, versions.size());
  }

  const Schedule& schedule_;
  const MicroBatchPlan& plan_;

 public:
  std::vector<TrackedStage> stages;
};

inline ScheduleSpec lockstep_spec(ScheduleKind kind) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.pacing = Pacing::lockstep;
  return spec;
}

/// A schedule and what its lockstep order does.
struct Measured {
  std::int64_t ticks = 0;
  std::vector<TrackedStage> stages;
  std::unique_ptr<Schedule> schedule;
};

inline Measured measure(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan,
                        std::vector<std::int64_t> capacity = {}) {
  Measured m;
  m.schedule = make_schedule(spec, stages, plan);
  OrderTracker tracker(*m.schedule, plan, stages);
  m.ticks = tracker.run(std::move(capacity));
  m.stages = std::move(tracker.stages);
  return m;
}

inline constexpr int kStages[] = {1, 2, 3, 4, 8, 34};

}  // namespace stagecoach
