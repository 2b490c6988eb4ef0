// SPDX-License-Identifier: Apache-2.0
// Questions to every chip under every schedule: is there one count of DRAM bytes behind time,
// energy and the memory statistics, and do the joules of stages, links and the rest make the
// chip's?
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/stats/energy.h"
#include "sim/stats/summary.h"
#include "tests/support/presets.h"
#include "tests/system/machine_support.h"
#include "tests/system/random_machine.h"

namespace stagecoach {
namespace {

/// A file whose buffers hold little, with energy per bit of DRAM.
HardwareSpec with_small_buffers(HardwareSpec hw, MemoryPolicy policy) {
  hw.memory_policy = policy;
  for (CoreSpec& core : hw.cores) {
    for (auto* buffer : {&core.buffer, &core.weight_buffer, &core.activation_buffer})
      if (*buffer) (*buffer)->capacity_kib = policy == MemoryPolicy::spill ? 3 : 1e6;
  }
  if (!hw.dram) hw.dram = DramSpec{4, 100};
  hw.energy->dram_pj_per_bit = 0.75;
  return hw;
}

/// Runs LeNet-5 on `hw` and hands plan and counts to `visit`; not if it does not fit.
template <class Visit>
void run_lenet(const HardwareSpec& hw, ScheduleKind kind, Pacing pacing, Visit visit) {
  const Network net = lenet5();
  const Partition stages = make_partition(net, {});
  const MicroBatchPlan micro_batches(23, 1, 4, 3);  // micro-batches of 3 and 1, and a rest
  ScheduleSpec spec = schedule_spec(kind, pacing);
  spec.switch_micro_batch = 4;
  const auto rules = make_schedule(spec, static_cast<int>(stages.size()), micro_batches);
  TrainSpec train = with_momentum();
  train.batch_size = 4, train.micro_batch_size = 3;
  const PlannedMachine machine =
      build_machine_plan(hw, net, stages, micro_batches, *rules, train, FitCheck::report);
  if (!machine.report.problems.empty()) return;
  RecordingSink sink;
  const RunStatistics run = simulate(machine.plan, *rules, spec, micro_batches, sink, {});
  RunResult result;
  result.network = &net, result.partition = &stages, result.plan = &machine.plan;
  result.statistics = &run;
  result.energy = energy_of(*hw.energy, machine.plan, run);
  result.energy_by_place = energy_by_place(*hw.energy, machine.plan, run);
  visit(make_summary(result));
}

TEST_CASE("energy of DRAM over its constant is the bytes spilled, on every chip and schedule") {
  int spilling = 0;
  for (const std::string& path : presets()) {
    for (const MemoryPolicy policy :
         {MemoryPolicy::error, MemoryPolicy::stall, MemoryPolicy::spill}) {
      const HardwareSpec hw = with_small_buffers(load_hardware(path), policy);
      for (const ScheduleKind kind : kKinds) {
        CAPTURE(path, static_cast<int>(policy), static_cast<int>(kind));
        run_lenet(hw, kind, Pacing::elastic, [&](const OrderedJson& summary) {
          std::int64_t spilled = 0;
          for (const OrderedJson& stage : summary["stages"])
            spilled += stage["memory"]["spilled_bytes"].get<std::int64_t>();
          const double joules = summary["energy"]["parts"]["dram"].get<double>();
          CHECK(joules / (0.75e-12 * 8) == Approx(static_cast<double>(spilled)).epsilon(1e-12));
          CHECK((spilled == 0 || policy == MemoryPolicy::spill));
          spilling += spilled > 0;
        });
      }
    }
  }
  CHECK(spilling > 50);
}

/// The sum of one part (or, "": of all) over stages and links and what they share.
double sum_of_places(const OrderedJson& summary, const std::string& part) {
  double sum = 0;
  const auto add = [&](const OrderedJson& parts) {
    for (const auto& [name, joules] : parts.items())
      if (part.empty() || name == part) sum += joules.get<double>();
  };
  for (const OrderedJson& stage : summary["stages"]) add(stage["energy_parts"]);
  for (const OrderedJson& link : summary["interconnect"]["links"])
    add({{"interconnect", link["joules"]}});
  add(summary["energy"]["shared_parts"]);
  return sum;
}

TEST_CASE("joules of stages, links and what they share make the chip's, part by part") {
  int asked = 0, priced = 0;
  for (const std::string& path : presets()) {
    const HardwareSpec hw = load_hardware(path);
    for (const ScheduleKind kind : kKinds) {
      for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
        CAPTURE(path, static_cast<int>(kind), static_cast<int>(pacing));
        run_lenet(hw, kind, pacing, [&](const OrderedJson& summary) {
          const auto is = [](double joules) { return Approx(joules).epsilon(1e-12).margin(1e-24); };
          const OrderedJson& energy = summary["energy"];
          for (const auto& [name, joules] : energy["parts"].items())
            CHECK(sum_of_places(summary, name) == is(joules.get<double>()));
          const double total = energy["total_joules"].get<double>();
          CHECK(sum_of_places(summary, "") == is(total));
          double told = energy["shared_joules"].get<double>();
          for (const OrderedJson& stage : summary["stages"]) told += stage["joules"].get<double>();
          for (const OrderedJson& link : summary["interconnect"]["links"])
            told += link["joules"].get<double>();
          CHECK(told == is(total));
          ++asked, priced += total > 0;
        });
      }
    }
  }
  CHECK(asked > 100);
  CHECK(priced > 80);
}

}  // namespace
}  // namespace stagecoach
