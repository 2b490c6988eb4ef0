// SPDX-License-Identifier: Apache-2.0
// Machines drawn at random, always the same ones for the same seed.
#pragma once

#include <algorithm>

#include "tests/system/machine_support.h"

namespace stagecoach {

/// A small generator of its own, so that the machines never change.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed * 2654435761u + 12345) {}
  int operator()(int least, int most) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return least + static_cast<int>((state_ >> 33) % static_cast<std::uint64_t>(most - least + 1));
  }

 private:
  std::uint64_t state_;
};

constexpr ScheduleKind kKinds[] = {
    ScheduleKind::sequential,           ScheduleKind::fill_drain, ScheduleKind::gpipe,
    ScheduleKind::one_f_one_b_flush,    ScheduleKind::pipelined,  ScheduleKind::one_f_one_b,
    ScheduleKind::two_buffered_weights, ScheduleKind::hybrid,     ScheduleKind::zero_bubble};

/// Cores become regions of several: edges of any length, traffic inside.
inline void add_regions(Draw& draw, MachinePlan& plan) {
  for (CorePlan& core : plan.cores) core.edge = 1 + 0.5 * draw(0, 6);
  for (StagePlan& stage : plan.stages) {
    for (OpCost StageCost::*direction : {&StageCost::forward, &StageCost::backward}) {
      if (draw(0, 2) == 0) continue;  // one core
      for (StageCost& cost : stage.cost) {
        OpCost& op = cost.*direction;
        op.interconnect_cycles = draw(0, 7);
        op.cycles += op.interconnect_cycles;
        op.region_bytes = draw(1, 500);
        op.region_busy_cycles = std::min<Cycles>(op.cycles, draw(0, 60));
      }
    }
  }
}

inline MachinePlan random_machine(Draw& draw, int micro_batch) {
  ChainOptions options;
  options.stages = draw(1, 9);
  options.most_samples = micro_batch;
  options.separate_cores = draw(0, 3) == 0;
  options.input_queue_micro_batches = draw(1, 3);
  options.bytes_per_sample = draw(0, 200);
  MachinePlan plan = chain(options);
  for (StagePlan& stage : plan.stages) {
    set_cost(stage, draw(0, 40), draw(0, 60), draw(0, 20), micro_batch);
    for (StageCost& cost : stage.cost) {
      cost.forward.cycles += draw(0, 5);
      cost.weight_gradient = op_cost(cost.backward.cycles / 2);
    }
  }
  for (int edge = draw(0, 3); edge > 0 && options.stages > 2; --edge) {
    const int from = draw(0, options.stages - 3);
    const int to = draw(from + 2, options.stages - 1);
    const Bytes bytes = draw(0, 100);
    plan.stages[from].forward_messages.push_back({to, from + 1, bytes});
    plan.stages[to].backward_messages.push_back({from, from + 1, bytes});
  }
  if (draw(0, 3) == 0) plan.stages.back().input_bytes_per_sample = draw(1, 50);
  if (!options.separate_cores && draw(0, 2) == 0) {
    // Neighbours share cores.
    for (StagePlan& stage : plan.stages) {
      stage.forward_core /= 2;
      stage.backward_core /= 2;
    }
  }
  plan.interconnect.kind = static_cast<InterconnectKind>(draw(0, 5));
  plan.interconnect.link_bytes_per_cycle = draw(0, 8);
  plan.interconnect.hop_latency_cycles = draw(0, 6);
  plan.host.bytes_per_cycle = draw(0, 20);
  plan.host.latency_cycles = draw(0, 30);
  if (draw(0, 2) == 0) add_regions(draw, plan);
  return plan;
}

/// The cores of the schedule, in place of a core for every stage.
inline void share_cores(const Schedule& schedule, MachinePlan& plan) {
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    StagePlan& stage = plan.stages[k];
    stage.forward_core = stage.backward_core = schedule.core_of(static_cast<int>(k));
  }
  plan.cores.resize(static_cast<std::size_t>(schedule.cores()));
  plan.splits_backward = schedule.splits_backward();
}

inline ScheduleSpec chunked_spec(ScheduleKind kind, Pacing pacing, int chunks_per_core = 2) {
  ScheduleSpec spec = schedule_spec(kind, pacing);
  spec.chunks_per_core = chunks_per_core;
  return spec;
}

}  // namespace stagecoach
