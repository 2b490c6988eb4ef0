// SPDX-License-Identifier: Apache-2.0
// Cores whose passes work beside each other (`concurrent_passes`): what an operation costs, what
// the machine makes of it in both pacings, and what is told of each datapath.
#include <algorithm>
#include <fstream>

#include "sim/plan/build_machine_plan.h"
#include "tests/support/networks.h"
#include "tests/system/machine_support.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

/// Two equal layers on resident cores of eight lanes; change what the test is about.
struct Setting {
  HardwareSpec hw;
  Network net =
      NetworkSketch(Shape::features(16)).linear("a", 16, false).linear("b", 16, false).build();
  Partition stages = make_partition(net, {});
  TrainSpec train;
  ScheduleSpec schedule;

  Setting() {
    hw.cores.resize(1);
    CoreSpec& core = hw.cores[0];
    core.kind = CoreKind::resident;
    core.resident.lanes_per_tile = 8;
    core.fused_update = true;
    core.concurrent_passes = ConcurrentPasses{1, 2, 1};
  }
  MachinePlan plan(const MicroBatchPlan& micro_batches) const {
    const auto rules = make_schedule(schedule, static_cast<int>(stages.size()), micro_batches);
    return build_machine_plan(hw, net, stages, micro_batches, *rules, train).plan;
  }
};

TEST_CASE("concurrent passes: a backward is its longer gradient, a fused update has no pass") {
  Setting s;
  const MicroBatchPlan one(8, 1, 1, 1);
  const StageCost b = s.plan(one).stages[1].cost[0];
  CHECK(b.forward.cycles == 32);
  CHECK(b.input_gradient_busy == 16);
  CHECK(b.weight_gradient_busy == 32);
  CHECK(b.backward.cycles == 32);
  CHECK(b.update.cycles == 0);
  CHECK(b.backward.macs == 2 * 256);
  s.hw.cores[0].operation_overhead = 5;
  const StageCost more = s.plan(one).stages[1].cost[0];
  CHECK(more.forward.cycles == 37);
  CHECK(more.backward.cycles == 37);
  CHECK(more.update.cycles == 0);
  s.hw.cores[0].concurrent_passes.reset();
  const StageCost serial = s.plan(one).stages[1].cost[0];
  CHECK(serial.forward.cycles == 37);
  CHECK(serial.backward.cycles == 32 + 32 + 5);
  CHECK(serial.update.cycles == 32 + 5);
}

TEST_CASE("every kind of core pays the fixed cost of an operation") {
  for (const CoreKind kind : {CoreKind::fixed, CoreKind::resident, CoreKind::systolic,
                              CoreKind::dot_product, CoreKind::roofline}) {
    CAPTURE(static_cast<int>(kind));
    Setting s;
    s.hw.cores[0].kind = kind;
    s.hw.cores[0].concurrent_passes.reset();
    const MicroBatchPlan one(8, 1, 1, 1);
    const StageCost before = s.plan(one).stages[1].cost[0];
    s.hw.cores[0].operation_overhead = 7;
    const StageCost after = s.plan(one).stages[1].cost[0];
    CHECK(after.forward.cycles - before.forward.cycles == 7);
    CHECK(after.backward.cycles - before.backward.cycles == 7);
    CHECK(after.update.cycles - before.update.cycles == (before.update.cycles > 0 ? 7 : 0));
  }
}

TEST_CASE("concurrent passes: a sample for every longest pass, in both pacings") {
  Setting s;
  s.schedule.turnaround = 1;
  const MicroBatchPlan micro_batches(60, 1, 1, 1);
  for (const Pacing pacing : {Pacing::lockstep, Pacing::elastic}) {
    s.schedule.pacing = pacing;
    CAPTURE(static_cast<int>(pacing));
    RecordingSink sink;
    const RunStatistics run_of = run(s.plan(micro_batches), s.schedule, micro_batches, sink);
    require_completion(run_of, micro_batches);
    CHECK(run_of.steady_cycles == run_of.steady_samples * 32);
    CHECK(run_of.cycles == (60 + 2 * 2 - 1) * 32);
    for (int k = 0; k < 2; ++k) {
      const StageStatistics& stage = run_of.stages[static_cast<std::size_t>(k)];
      CHECK(delays_of(sink, k)[30] == 2 * (1 - k) + 1);
      CHECK(stage.forward_busy == 60 * 32);
      CHECK(stage.input_gradient_busy == (k == 0 ? 0 : 60 * 16));
      CHECK(stage.weight_gradient_busy == 60 * 32);
      CHECK(stage.first_weight_write == (2 * 2 - 1 - k) * 32 + 1);
      CHECK(stage.cycles.total() == run_of.cycles);
    }
  }
}

TEST_CASE("concurrent passes: every schedule ends, with cores of their own or shared") {
  for (int kind = 0; kind <= static_cast<int>(ScheduleKind::zero_bubble); ++kind) {
    for (const Pacing pacing : {Pacing::lockstep, Pacing::elastic}) {
      for (const int cores : {0, 1}) {
        CAPTURE(kind, static_cast<int>(pacing), cores);
        Setting s;
        s.schedule = schedule_spec(static_cast<ScheduleKind>(kind), pacing);
        s.hw.cores[0].count = cores;
        const MicroBatchPlan micro_batches(24, 1, 4, 1);
        RecordingSink sink;
        const RunStatistics result = run(s.plan(micro_batches), s.schedule, micro_batches, sink);
        require_completion(result, micro_batches);
        for (const StageStatistics& stage : result.stages) {
          CHECK(stage.cycles.total() == result.cycles);
          CHECK(stage.forward_busy <= result.cycles);
        }
      }
    }
  }
}

/// A configuration of tests/data/usc_fpga.json as arguments of the program.
std::string settings_of(const nlohmann::json& configuration, const nlohmann::json& all) {
  std::string text;
  const auto set = [&text](const std::string& path, const nlohmann::json& value) {
    text += " --set " + path + "='" + value.dump() + "'";
  };
  for (const auto& like : all) {
    if (like["name"] != configuration.value("like", "")) continue;
    for (const auto& [path, value] : like["set"].items()) set(path, value);
  }
  for (const auto& [path, value] : configuration["set"].items()) set(path, value);
  const int stages = configuration["pipeline_stages"];
  set("hw/cores/0/mac_latency_cycles", 1 + stages);
  set("hw/cores/1/mac_latency_cycles", 1 + stages);
  set("hw/host/latency_ns", 10 * (configuration["rows"].get<int>() + 2 + stages));
  return text;
}

TEST_CASE("the FPGA's five configurations: clocks a sample, first write, delays and sets exactly") {
  const std::string root = STAGECOACH_SOURCE_DIR;
  std::ifstream file(root + "/tests/data/usc_fpga.json");
  const nlohmann::json all = nlohmann::json::parse(file)["configurations"];
  REQUIRE(all.size() == 5);
  const test::Program program;
  for (const auto& configuration : all) {
    for (const std::string pacing : {"lockstep", "elastic"}) {
      const std::string arguments =
          "--hw " + root + "/hw/usc_fpga.json --workload " + root +
          "/workloads/usc-mlp.json --timing-only --quiet --force --samples 200 --out " +
          program.path("out") + " --set workload/pipeline/pacing=" + pacing +
          settings_of(configuration, all);
      const test::Outcome outcome = program(arguments);
      INFO(arguments << "\n" << outcome.output);
      REQUIRE(outcome.status == 0);
      const nlohmann::json summary = program.summary();
      CHECK(summary["timing"]["steady_cycles_per_sample"] == configuration["clocks_per_sample"]);
      for (std::size_t j = 0; j < 2; ++j) {
        const nlohmann::json& stage = summary["stages"][j];
        CAPTURE(j);
        // The RTL counts from the first input's write, two clocks into its block.
        CHECK(stage["datapaths"]["first_weight_write"] ==
              configuration["first_write"][j].get<int>() + 2);
        CHECK(stage["staleness"]["closed_form"] == configuration["delay"][j]);
        CHECK(stage["staleness"]["max"] == configuration["delay"][j]);
        if (pacing == "elastic") continue;  // there a queue may hold more
        CHECK(stage["datapaths"]["activation_sets"] == configuration["activation_sets"][j]);
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
