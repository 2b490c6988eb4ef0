// SPDX-License-Identifier: Apache-2.0
// Question: is the steady rate of a short run that of a long one, or not told?
#include <catch2/catch.hpp>
#include <optional>

#include "sim/stats/derived.h"
#include "tests/support/presets.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

class SteadyNobody : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

struct SteadySetting {
  HardwareSpec hw;
  Network net;
  ScheduleKind kind;
  Pacing pacing;
  int batch;
};

std::optional<double> steady_rate(const SteadySetting& s, std::int64_t samples) {
  const Partition stages = make_partition(s.net, {});
  const MicroBatchPlan micro_batches(samples, 1, s.batch, 1);
  ScheduleSpec spec = schedule_spec(s.kind, s.pacing);
  const auto rules = make_schedule(spec, static_cast<int>(stages.size()), micro_batches);
  const PlannedMachine machine = build_machine_plan(s.hw, s.net, stages, micro_batches, *rules,
                                                    with_momentum(), FitCheck::report);
  SteadyNobody sink;
  const RunStatistics statistics = simulate(machine.plan, *rules, spec, micro_batches, sink, {});
  RunResult result;
  result.plan = &machine.plan, result.statistics = &statistics;
  result.limit_cycles_per_micro_batch = machine.report.balance.cycles_per_micro_batch();
  return steady_cycles_per_sample(result);
}

TEST_CASE("the steady rate of 1 to 12 samples is that of 400, or absent") {
  int told = 0, absent = 0;
  for (const std::string& path : presets()) {
    for (const ScheduleKind kind :
         {ScheduleKind::sequential, ScheduleKind::pipelined, ScheduleKind::one_f_one_b,
          ScheduleKind::gpipe, ScheduleKind::one_f_one_b_flush, ScheduleKind::fill_drain,
          ScheduleKind::zero_bubble}) {
      for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
        const bool flushes = kind == ScheduleKind::gpipe || kind == ScheduleKind::fill_drain ||
                             kind == ScheduleKind::one_f_one_b_flush ||
                             kind == ScheduleKind::zero_bubble;
        for (const int batch : flushes ? std::vector<int>{2, 4} : std::vector<int>{1}) {
          const SteadySetting s{load_hardware(path), lenet5(), kind, pacing, batch};
          const std::optional<double> right = steady_rate(s, 400);
          REQUIRE(right);
          for (std::int64_t samples = 1; samples <= 12; ++samples) {
            const std::optional<double> found = steady_rate(s, samples);
            ++(found ? told : absent);
            CAPTURE(path, static_cast<int>(kind), static_cast<int>(pacing), batch, samples);
            // One mini-batch is one epoch's, however small.
            if (found && samples >= batch) CHECK(*found == Approx(*right).epsilon(0.02));
          }
        }
      }
    }
  }
  std::printf("steady rates of 1 to 12 samples: %d told, %d absent\n", told, absent);
  CHECK(told > 500);
  CHECK(absent > 500);
}

}  // namespace
}  // namespace stagecoach
