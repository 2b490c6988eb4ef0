// SPDX-License-Identifier: Apache-2.0
// Machines made by hand for tests of the clocked side, and sinks that watch.
#pragma once

#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "sim/schedule/schedule.h"
#include "sim/system/simulation.h"

namespace stagecoach {

/// A chain of stages, a core each, all alike, batch-size-one costs for up to `most_samples`.
struct ChainOptions {
  int stages = 4;
  Cycles forward = 10;
  Cycles backward = 6;
  Cycles update = 4;
  int most_samples = 1;
  bool separate_cores = false;  ///< forward and backward on hardware of their own
  int input_queue_micro_batches = 2;
  Bytes bytes_per_sample = 0;
};

inline OpCost op_cost(Cycles cycles) {
  OpCost cost;
  cost.compute_cycles = cost.cycles = cycles;
  cost.macs = 2 * cycles.count();
  return cost;
}

/// `weight_gradient`: for schedules that split the backward; the others do not ask for it.
inline void set_cost(StagePlan& stage, Cycles forward, Cycles backward, Cycles update,
                     int most_samples = 1, Cycles weight_gradient = 0) {
  stage.cost.clear();
  for (int n = 1; n <= most_samples; ++n) {
    stage.cost.push_back({op_cost(forward * n), op_cost(backward * n), op_cost(update),
                          op_cost(weight_gradient * n)});
  }
}

inline MachinePlan chain(const ChainOptions& o) {
  MachinePlan plan;
  plan.input_queue_micro_batches = o.input_queue_micro_batches;
  for (int k = 0; k < o.stages; ++k) {
    StagePlan stage;
    stage.name = "s" + std::to_string(k);
    stage.forward_core = static_cast<int>(plan.cores.size());
    plan.cores.push_back(CorePlan{"core" + std::to_string(stage.forward_core), 0,
                                  static_cast<int>(plan.cores.size()), 1.0});
    stage.backward_core = stage.forward_core;
    if (o.separate_cores && k + 1 < o.stages) {
      stage.backward_core = static_cast<int>(plan.cores.size());
      plan.cores.push_back(CorePlan{"core" + std::to_string(stage.backward_core), 1,
                                    static_cast<int>(plan.cores.size()), 1.0});
    }
    set_cost(stage, o.forward, o.backward, o.update, o.most_samples);
    if (k + 1 < o.stages) stage.forward_messages.push_back({k + 1, k + 1, o.bytes_per_sample});
    if (k > 0) stage.backward_messages.push_back({k - 1, k, o.bytes_per_sample});
    stage.input_bytes_per_sample = k == 0 ? o.bytes_per_sample : 0;
    plan.stages.push_back(stage);
  }
  return plan;
}

/// Keeps every operation.
class RecordingSink : public OpSink {
 public:
  bool emit(const Op& op) override {
    ops.push_back(op);
    return static_cast<std::int64_t>(ops.size()) < stop_after;
  }
  /// The operations of one stage, as text: F3 B1 (with update: B1!) U1.
  std::string of_stage(int stage, std::size_t most = 1000) const {
    std::string text;
    std::size_t n = 0;
    for (const Op& op : ops) {
      if (op.stage != stage || n++ >= most) continue;
      text += op.pass == Pass::forward ? "F" : is_backward(op.pass) ? "B" : "U";
      text += std::to_string(op.micro_batch);
      text += op.pass == Pass::backward_with_update ? "! " : " ";
    }
    return text;
  }

  std::vector<Op> ops;
  std::int64_t stop_after = std::numeric_limits<std::int64_t>::max();
};

class SpanRecorder : public SpanSink {
 public:
  void record(const SpanRecord& span) override { spans.push_back(span); }
  std::vector<SpanRecord> spans;
};

inline ScheduleSpec schedule_spec(ScheduleKind kind, Pacing pacing) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.pacing = pacing;
  return spec;
}

/// Everything that entered has left: no operation was lost on the way.
inline void require_completion(const RunStatistics& s, const MicroBatchPlan& micro_batches) {
  REQUIRE(s.micro_batches == micro_batches.micro_batches());
  for (const StageStatistics& stage : s.stages) {
    REQUIRE(stage.forwards == micro_batches.micro_batches());
    REQUIRE(stage.backwards == micro_batches.micro_batches());
    REQUIRE(stage.updates == micro_batches.epochs() * micro_batches.batches_per_epoch());
  }
}

inline RunStatistics run(const MachinePlan& plan, const ScheduleSpec& spec,
                         const MicroBatchPlan& micro_batches, OpSink& sink,
                         const SimulationOptions& options = {}) {
  const auto schedule = make_schedule(spec, static_cast<int>(plan.stages.size()), micro_batches);
  const RunStatistics s = simulate(plan, *schedule, spec, micro_batches, sink, options);
  if (!s.stopped_early) require_completion(s, micro_batches);
  return s;
}

inline RunStatistics run(const MachinePlan& plan, const ScheduleSpec& spec,
                         const MicroBatchPlan& micro_batches) {
  RecordingSink sink;
  return run(plan, spec, micro_batches, sink);
}

/// The delays of every backward with update in the order of micro-batches, from the operations.
inline std::vector<std::int64_t> delays_of(const RecordingSink& sink, int stage) {
  std::vector<std::int64_t> read, delays;
  std::int64_t updates = 0;
  for (const Op& op : sink.ops) {
    if (op.stage != stage) continue;
    if (op.pass == Pass::forward) {
      read.push_back(op.version == Op::kCurrent ? updates : op.version);
    } else if (makes_version(op.pass)) {
      for (auto p = static_cast<MicroBatchId>(delays.size()); p <= op.micro_batch; ++p) {
        delays.push_back(updates - read[p]);
      }
      ++updates;
    }
  }
  return delays;
}

}  // namespace stagecoach
