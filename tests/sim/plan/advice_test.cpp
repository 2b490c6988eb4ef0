// SPDX-License-Identifier: Apache-2.0
// Question: does a run start once advice is followed? It is followed as a user would: each line's
// fields are set in the files, which are read and planned again.
#include "sim/plan/advice.h"

#include <catch2/catch.hpp>
#include <ctime>

#include "sim/config/workload_config.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

/// Two files, of which the first holds some other values, and what the command line sets in them.
struct Files {
  std::string hardware, workload;
  std::vector<std::string> changed, sets;

  Document document(const std::string& path, const std::string& root, Issues& issues) const {
    const auto apply = [&](Document& to, const std::vector<std::string>& values) {
      for (const std::string& set : values) {
        Override override;
        if (parse_override(set, override, issues) == root) to.apply(override, issues);
      }
    };
    Document file = Document::from_file(path, issues, root);
    apply(file, changed);
    Document document = Document::from_text(path, file.root().dump(), issues);
    apply(document, sets);
    return document;
  }
};

/// A run of 40 samples of two files with some fields set.
struct Read {
  HardwareSpec hardware;
  WorkloadConfig workload;
  std::optional<MicroBatchPlan> micro_batches;

  RunToPlan run() const {
    RunToPlan run;
    run.network = &workload.network, run.micro_batches = &*micro_batches;
    run.train = workload.training, run.schedule = workload.schedule;
    run.stages = workload.stages, run.balanced_stages = workload.balanced_stages;
    return run;
  }
};

Read read(const Files& files) {
  Issues issues;
  Read r;
  r.hardware = read_hardware(files.document(files.hardware, "hw", issues), issues);
  r.workload = read_workload(files.document(files.workload, "workload", issues), "", issues);
  issues.throw_if_any();
  r.micro_batches.emplace(40, 1, r.workload.training.batch_size,
                          r.workload.training.micro_batch_size);
  return r;
}

/// Whether it would run; the reason where it would not.
std::string obstacle(const Read& r) {
  try {
    const PlannedRun planned = plan_run(r.hardware, r.run(), FitCheck::report);
    const auto& problems = planned.machine.report.problems;
    return problems.empty() ? "" : problems[0];
  } catch (const UserError& error) {
    return error.what();
  }
}

/// Ways to ask too much of a chip.
std::vector<std::vector<std::string>> hardships(const HardwareSpec& hw) {
  std::vector<std::vector<std::string>> all{{}, {"hw/memory_policy=error"}};
  std::vector<std::string> small{"hw/memory_policy=error"};
  for (const char* buffer : {"buffer", "weight_buffer", "activation_buffer"}) {
    const CoreSpec& core = hw.cores[0];
    const auto& spec = std::string(buffer) == "buffer"          ? core.buffer
                       : std::string(buffer) == "weight_buffer" ? core.weight_buffer
                                                                : core.activation_buffer;
    if (spec) small.push_back(std::string("hw/cores/0/") + buffer + "/capacity_kib=20");
  }
  all.push_back(small);
  small[0] = "hw/memory_policy=stall";
  all.push_back(small);
  all.push_back({"hw/memory_policy=error", "hw/cores/0/count=3"});
  if (hw.dram) all.push_back({"hw/memory_policy=spill", "hw/cores/0/count=3"});
  all.push_back({"hw/cores/0/count=9",
                 "hw/mapping={\"kind\":\"rectangle\",\"rows\":2,\"columns\":2}",
                 "hw/memory_policy=error"});
  all.push_back({"hw/cores/0/count=4",
                 "hw/mapping={\"kind\":\"one_core_per_stage\","
                 "\"split_forward_backward\":true}"});
  return all;
}

TEST_CASE("every piece of advice lets the run start, for many chips, networks and hardships") {
  int refused = 0, followed = 0, without = 0;
  const std::string workloads = std::string(STAGECOACH_SOURCE_DIR) + "/workloads/";
  for (const std::string& path : presets()) {
    for (const char* name : {"lenet5-glyphs", "resnet20-cifar10", "vgg11-cifar10"}) {
      const HardwareSpec plain = load_hardware(path);
      for (const std::vector<std::string>& sets : hardships(plain)) {
        const Files files{path, workloads + name + ".json", sets, {}};
        std::string given;
        for (const std::string& set : sets) given += set + " ";
        CAPTURE(path, name, given);
        std::optional<Read> before;
        try {
          before = read(files);
        } catch (const UserError&) {
          continue;  // not a field of this chip
        }
        if (obstacle(*before).empty()) continue;
        ++refused;
        const std::vector<Advice> advice = advice_for(before->hardware, before->run());
        without += advice.empty();
        for (const Advice& a : advice) {
          ++followed;
          Files better = files;
          better.sets = a.sets;
          CAPTURE(a.sets);
          CHECK(obstacle(read(better)) == "");
        }
      }
    }
  }
  std::printf("%d runs refused, %d pieces of advice followed, %d without advice\n", refused,
              followed, without);
  CHECK(refused > 50);
  CHECK(followed > 100);
  CHECK(without == 0);
}

TEST_CASE("of two groups that share out their cores, one gets more, and then the run starts") {
  const std::string two =
      R"(hw/cores=[{"name": "lanes", "kind": "resident", "tile_rows": 1, "tile_columns": 1, )"
      R"("lanes_per_tile": 16, "count": 2}, {"name": "array", "kind": "systolic", "rows": 8, )"
      R"("columns": 8, "dataflow": "weight_stationary", "count": 2}])";
  Files files{std::string(STAGECOACH_SOURCE_DIR) + "/hw/ideal.json",
              std::string(STAGECOACH_SOURCE_DIR) + "/workloads/lenet5-glyphs.json",
              {two, "hw/mapping=balanced", "workload/pipeline/partition=per_module"},
              {}};
  const Read r = read(files);
  CHECK_THAT(obstacle(r), Catch::Contains("2 of \"lanes\", 2 of \"array\""));
  int more_cores = 0;
  for (const Advice& a : advice_for(r.hardware, r.run())) {
    files.sets = a.sets;
    CAPTURE(a.sets);
    CHECK(obstacle(read(files)) == "");
    for (const std::string& set : a.sets) more_cores += set.find("/count=") != std::string::npos;
  }
  CHECK(more_cores == 1);
}

TEST_CASE("advice for a network of hundreds of layers costs about a second, and works") {
  const std::string hw = std::string(STAGECOACH_SOURCE_DIR) + "/hw/mesh_of_16.json";
  const std::string workload =
      std::string(STAGECOACH_SOURCE_DIR) + "/workloads/resnet110-cifar10.json";
  for (const char* policy : {"error", "stall", "spill"}) {
    CAPTURE(policy);
    Files files{hw, workload, {std::string("hw/memory_policy=") + policy}, {}};
    const Read r = read(files);
    REQUIRE(obstacle(r) != "");
    const std::clock_t begin = std::clock();  // of this process, whatever else runs
    const std::vector<Advice> advice = advice_for(r.hardware, r.run());
    // Searching without a limit took half a minute.
    CHECK((std::clock() - begin) / CLOCKS_PER_SEC < 10);
    REQUIRE(!advice.empty());
    for (const Advice& a : advice) {
      files.sets = a.sets;
      CAPTURE(a.sets);
      CHECK(obstacle(read(files)) == "");
    }
  }
}

TEST_CASE("spill is advised where the file has a dram, and nowhere else") {
  const std::string hw = std::string(STAGECOACH_SOURCE_DIR) + "/hw/small_mesh.json";
  const std::string workload =
      std::string(STAGECOACH_SOURCE_DIR) + "/workloads/resnet20-cifar10.json";
  const auto names_spill = [&](const std::vector<std::string>& sets) {
    const Read r = read({hw, workload, sets, {}});
    REQUIRE(obstacle(r) != "");
    for (const Advice& a : advice_for(r.hardware, r.run())) {
      if (a.sets == std::vector<std::string>{"hw/memory_policy=spill"}) return true;
    }
    return false;
  };
  const std::string dram = "hw/dram={\"bandwidth_gb_per_s\": 4, \"latency_ns\": 100}";
  CHECK_FALSE(names_spill({"hw/cores/0/count=60"}));
  CHECK(names_spill(
      {"hw/cores/0/count=60", dram, "hw/interconnect/rows=8", "hw/interconnect/columns=8"}));
  // More stages than cores: not even then.
  CHECK_FALSE(names_spill({dram}));
  CHECK_FALSE(names_spill({dram, "hw/memory_policy=spill"}));
}

}  // namespace
}  // namespace stagecoach
