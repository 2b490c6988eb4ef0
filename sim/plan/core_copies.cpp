// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/core_copies.h"

#include "sim/plan/topology.h"

namespace stagecoach {
namespace {

/// Bytes per sample of the copies of one operation.
using Sizes = std::vector<Bytes>;

struct StageCopies {
  Sizes forward, backward;
};

/// Both ends of every message between two cores. `core` says on which of a stage's cores the
/// direction runs.
void add_ends(const MachinePlan& plan, std::vector<Message> StagePlan::*messages,
              int StagePlan::*core, Sizes StageCopies::*direction,
              std::vector<StageCopies>& copies) {
  for (std::size_t from = 0; from < plan.stages.size(); ++from) {
    for (const Message& m : plan.stages[from].*messages) {
      const auto to = static_cast<std::size_t>(m.to_stage);
      if (plan.stages[from].*core == plan.stages[to].*core) continue;
      (copies[from].*direction).push_back(m.bytes_per_sample);
      (copies[to].*direction).push_back(m.bytes_per_sample);
    }
  }
}

void charge(const InterconnectPlan& net, const Sizes& copies, std::int64_t samples, OpCost& op) {
  for (const Bytes bytes_per_sample : copies) {
    const Bytes bytes = bytes_per_sample * samples;
    const Cycles busy = transfer_cycles(bytes, net.link_bytes_per_cycle);
    op.cycles += net.hop_latency_cycles + busy;
    op.interconnect_cycles += net.hop_latency_cycles + busy;
    op.region_busy_cycles += busy;
    op.region_bytes += bytes;
  }
}

}  // namespace

void charge_copies(MachinePlan& plan) {
  if (!plan.interconnect.blocks_cores()) return;
  std::vector<StageCopies> copies(plan.stages.size());
  add_ends(plan, &StagePlan::forward_messages, &StagePlan::forward_core, &StageCopies::forward,
           copies);
  add_ends(plan, &StagePlan::backward_messages, &StagePlan::backward_core, &StageCopies::backward,
           copies);
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    std::vector<StageCost>& cost = plan.stages[k].cost;
    for (std::size_t n = 1; n <= cost.size(); ++n) {
      const auto samples = static_cast<std::int64_t>(n);
      charge(plan.interconnect, copies[k].forward, samples, cost[n - 1].forward);
      charge(plan.interconnect, copies[k].backward, samples, cost[n - 1].backward);
    }
  }
}

}  // namespace stagecoach
