// SPDX-License-Identifier: Apache-2.0
#include "sim/app/simulated_rate.h"

#include <algorithm>

#include "sim/base/arithmetic.h"
#include "sim/stats/derived.h"
#include "sim/system/simulation.h"

namespace stagecoach {

namespace {

class Nobody : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

int stages_of(const RunToPlan& run) {
  return run.balanced_stages > 0 ? run.balanced_stages : static_cast<int>(run.stages.size());
}

}  // namespace

std::optional<MicroBatchPlan> beginning_of(const RunToPlan& run) {
  constexpr std::int64_t kLeast = 400, kMostVisits = 400000;
  const MicroBatchPlan& all = *run.micro_batches;
  const MicroBatch first = all.at(0);
  const std::int64_t stages = stages_of(run), per_batch = first.batch_end;
  // Pipelines hold up to two micro-batches a stage: three times these between the fill and the end.
  // Mini-batches that drain are all alike.
  const std::int64_t wanted = std::max({kLeast, 6 * stages, 5 * per_batch});
  if (std::min(wanted, all.micro_batches()) * stages > kMostVisits) return std::nullopt;
  if (wanted >= all.micro_batches()) return all;
  const std::int64_t batches = ceil_div(wanted, per_batch);
  const int batch = first.batch_samples, micro = all.micro_batch_size();
  if (batches <= all.batches_per_epoch())
    return MicroBatchPlan(std::min(batches * batch, all.samples_per_epoch()), 1, batch, micro);
  return MicroBatchPlan(all.samples_per_epoch(), ceil_div(batches, all.batches_per_epoch()), batch,
                        micro);
}

double simulated_rate(const PlannedRun& planned, const RunToPlan& run,
                      const MicroBatchPlan& beginning) {
  const MachinePlan& plan = planned.machine.plan;
  ScheduleSpec spec =
      run.schedule;  // with the change of rules, if any, at the same part of the run
  spec.switch_micro_batch = spec.switch_micro_batch * beginning.micro_batches() /
                            std::max<std::int64_t>(1, run.micro_batches->micro_batches());
  const auto schedule = make_schedule(spec, stages_of(run), beginning);
  Nobody sink;
  SimulationOptions options;
  options.output_bytes_per_sample = planned.output_bytes_per_sample;
  const RunStatistics statistics = simulate(plan, *schedule, spec, beginning, sink, options);
  RunResult result;
  result.plan = &plan;
  result.statistics = &statistics;
  result.limit_cycles_per_micro_batch = planned.machine.report.balance.cycles_per_micro_batch();
  const double whole =
      static_cast<double>(statistics.cycles.count()) / static_cast<double>(statistics.samples);
  return steady_cycles_per_sample(result).value_or(whole) * beginning.micro_batch_size();
}

}  // namespace stagecoach
