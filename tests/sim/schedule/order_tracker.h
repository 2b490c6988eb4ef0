// SPDX-License-Identifier: Apache-2.0
// Measures an order of operations from the outside: ticks, delays, versions and packets in flight,
// and checks that it respects the data.
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
  std::map<PacketId, WeightVersion> read;                 ///< packets in flight
  std::vector<std::int64_t> delays;                       ///< by packet
  std::vector<std::int64_t> forward_tick, backward_tick;  ///< by packet
  std::vector<PacketId> waiting_for_update;
  std::map<PacketId, WeightVersion> read_of_batch;
};

class OrderTracker {
 public:
  OrderTracker(const Schedule& schedule, const PacketPlan& plan, int stages)
      : schedule_(schedule), plan_(plan), stages(stages) {
    for (auto& s : this->stages) {
      s.delays.assign(plan.packets(), -1);
      s.forward_tick.assign(plan.packets(), -1);
      s.backward_tick.assign(plan.packets(), -1);
    }
  }

  void take(const Op& op, std::int64_t tick) {
    TrackedStage& s = stages.at(op.stage);
    if (op.pass == Pass::forward) {
      require(op.packet == s.forwards, "forwards in order");
      require(op.stage == 0 || stages[op.stage - 1].forwards > op.packet, "input made");
      ++s.forwards;
      const WeightVersion version = op.version == Op::kCurrent ? s.updates : op.version;
      require(version <= s.updates, "version exists");
      s.read[op.packet] = version;
      s.read_of_batch[op.packet] = version;
      s.forward_tick[op.packet] = tick;
      s.peak_in_flight = std::max<std::int64_t>(s.peak_in_flight, s.read.size());
      note_versions(s);
    } else if (op.pass == Pass::backward) {
      require(op.packet == s.backwards, "backwards in order");
      require(s.read.count(op.packet) == 1, "own forward done");
      const bool last = op.stage + 1 == static_cast<int>(stages.size());
      require(last || stages[op.stage + 1].backwards > op.packet, "gradient made");
      ++s.backwards;
      s.backward_tick[op.packet] = tick;
      if (schedule_.splits_backward()) {
        require(!op.with_update, "the update follows the weight gradient");
      } else {
        leave(s, op);
      }
    } else if (op.pass == Pass::weight_gradient) {
      require(schedule_.splits_backward(), "apart only where the schedule splits");
      require(op.packet == s.weight_gradients, "weight gradients in order");
      require(op.packet < s.backwards, "own backward done");
      ++s.weight_gradients;
      leave(s, op);
    } else {
      require(false, "no separate update in lockstep");
    }
  }

  std::int64_t run(std::vector<std::int64_t> capacity_packets = {}) {
    LockstepOrder order(schedule_, plan_, static_cast<int>(stages.size()),
                        std::move(capacity_packets));
    std::vector<Op> ops;
    while (order.next_tick(ops)) {
      for (const Op& op : ops) take(op, order.ticks() - 1);
    }
    for (const auto& s : stages) {
      require(s.forwards == plan_.packets() && s.backwards == plan_.packets(), "complete");
      require(s.weight_gradients == (schedule_.splits_backward() ? plan_.packets() : 0), "complete");
    }
    return order.ticks();
  }

 private:
  static void require(bool ok, const char* what) {
    if (!ok) throw std::logic_error(std::string("order violated: ") + what);
  }

  /// The packet's gradients are complete.
  void leave(TrackedStage& s, const Op& op) {
    require(op.with_update == plan_.at(op.packet).last_of_batch, "one update a mini-batch");
    if (op.with_update) {
      for (const auto& [packet, version] : s.read_of_batch) {
        if (packet <= op.packet) s.delays[packet] = s.updates - version;
      }
      s.read_of_batch.erase(s.read_of_batch.begin(), s.read_of_batch.upper_bound(op.packet));
      ++s.updates;
    }
    s.read.erase(op.packet);
    note_versions(s);
  }

  void note_versions(TrackedStage& s) {
    std::set<WeightVersion> versions{s.updates};
    if (schedule_.weight_policy() == WeightPolicy::current) return;
    for (const auto& [packet, version] : s.read) versions.insert(version);
    s.peak_versions = std::max<std::int64_t>(s.peak_versions, versions.size());
  }

  const Schedule& schedule_;
  const PacketPlan& plan_;

 public:
  std::vector<TrackedStage> stages;
};

}  // namespace stagecoach
