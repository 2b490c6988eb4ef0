// SPDX-License-Identifier: Apache-2.0
// Question: is there one count of DRAM bytes behind time, energy and the memory statistics?
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/stats/energy.h"
#include "sim/stats/summary.h"
#include "tests/support/presets.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

class Nobody : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

/// A file whose buffers hold little, with energy per bit of DRAM.
HardwareSpec with_small_buffers(HardwareSpec hw, MemoryPolicy policy) {
  hw.memory_policy = policy;
  for (CoreSpec& core : hw.cores) {
    for (auto* buffer : {&core.buffer, &core.weight_buffer, &core.activation_buffer})
      if (*buffer) (*buffer)->capacity_kib = policy == MemoryPolicy::spill ? 3 : 1e6;
  }
  if (!hw.dram) hw.dram = DramSpec{4, 100};
  hw.energy.dram_pj_per_bit = 0.75;
  return hw;
}

TEST_CASE("energy of DRAM over its constant is the bytes spilled, on every chip and schedule") {
  const Network net = lenet5();
  const Partition stages = make_partition(net, {});
  int spilling = 0;
  for (const std::string& path : presets()) {
    for (const MemoryPolicy policy :
         {MemoryPolicy::error, MemoryPolicy::stall, MemoryPolicy::spill}) {
      const HardwareSpec hw = with_small_buffers(load_hardware(path), policy);
      for (const ScheduleKind kind :
           {ScheduleKind::sequential, ScheduleKind::fill_drain, ScheduleKind::gpipe,
            ScheduleKind::one_f_one_b_flush, ScheduleKind::zero_bubble, ScheduleKind::pipelined,
            ScheduleKind::one_f_one_b, ScheduleKind::two_buffered_weights, ScheduleKind::hybrid}) {
        const MicroBatchPlan micro_batches(23, 1, 4, 3);  // micro-batches of 3 and 1, and a rest
        ScheduleSpec spec;
        spec.kind = kind;
        spec.switch_micro_batch = 4;
        const auto rules = make_schedule(spec, static_cast<int>(stages.size()), micro_batches);
        TrainSpec train = with_momentum();
        train.batch_size = 4, train.micro_batch_size = 3;
        const PlannedMachine machine =
            build_machine_plan(hw, net, stages, micro_batches, *rules, train, FitCheck::report);
        if (!machine.report.problems.empty()) continue;
        Nobody sink;
        const RunStatistics run = simulate(machine.plan, *rules, spec, micro_batches, sink, {});
        RunResult result;
        result.network = &net, result.partition = &stages, result.plan = &machine.plan;
        result.statistics = &run;
        const OrderedJson summary = make_summary(result);
        std::int64_t spilled = 0;
        for (const OrderedJson& stage : summary["stages"])
          spilled += stage["memory"]["spilled_bytes"].get<std::int64_t>();
        double joules = 0;
        for (const auto& [part, value] : energy_of(hw.energy, machine.plan, run).values())
          if (part == "dram") joules = value;
        CAPTURE(path, static_cast<int>(policy), static_cast<int>(kind));
        CHECK(joules / (0.75e-12 * 8) == Approx(static_cast<double>(spilled)).epsilon(1e-12));
        CHECK((spilled == 0 || policy == MemoryPolicy::spill));
        spilling += spilled > 0;
      }
    }
  }
  CHECK(spilling > 50);
}

}  // namespace
}  // namespace stagecoach
