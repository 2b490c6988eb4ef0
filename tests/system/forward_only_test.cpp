// SPDX-License-Identifier: Apache-2.0
// Inference as a command: its results, what it takes and what it refuses.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "paths.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Program;

std::string job(const std::string& hw, const std::string& workload) {
  const std::string root = STAGECOACH_SOURCE_DIR;
  return "--hw " + root + "/hw/" + hw + ".json --workload " + root + "/workloads/" + workload +
         ".json --forward-only";
}

json result_of(const Program& program, const std::string& arguments) {
  const Outcome outcome = program(arguments + " --quiet --force --out " + program.path("out"));
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  return program.summary();
}

TEST_CASE("inference: a pipeline of resident cores gives time, rate, memory and energy by stage") {
  const Program program;
  const json s = result_of(program, job("small_mesh", "lenet5-glyphs") + " --samples 100 --trace");
  const json& timing = s["timing"];
  CHECK(timing["forward_only"] == true);
  CHECK(s["training"]["samples"] == 100);
  CHECK(s["training"]["updates"] == 0);
  const double steady = timing["steady_cycles_per_sample"].get<double>();
  CHECK(timing["steady_samples_per_second"].get<double>() ==
        Approx(timing["clock_mhz"].get<double>() * 1e6 / steady));
  // The answer to one sample passes all stages, the rate is that of the slowest.
  CHECK(timing["first_micro_batch_cycles"].get<double>() > steady);
  CHECK(steady == Approx(timing["limit_cycles_per_micro_batch"].get<double>()));
  for (const json& stage : s["stages"]) {
    std::int64_t sum = 0;
    for (const auto& [name, cycles] : stage["cycles"].items()) sum += cycles.get<std::int64_t>();
    CHECK(sum == timing["cycles"].get<std::int64_t>());
    CHECK(stage["cycles"]["forward"] > 0);
    CHECK(stage["cycles"]["backward"] == 0);
    CHECK(stage["cycles"]["update"] == 0);
    CHECK(stage["staleness"]["closed_form"].is_null());
    CHECK(stage["memory"]["optimizer_bytes"] == 0);
    CHECK(stage["memory"]["gradients_peak_bytes"] == 0);
    CHECK(stage["joules"] > 0);
  }
}

TEST_CASE("inference: one core that streams takes a frame after the other") {
  const Program program;
  const json s = result_of(program, job("nvdla_small", "resnet20-cifar10") + " --samples 30");
  const json& timing = s["timing"];
  double cycles = 0, waiting = 0, layers = 0;
  for (const json& stage : s["stages"]) {
    cycles += stage["cycles"]["forward"].get<double>();
    waiting += stage["cycles"]["stall_memory"].get<double>();
    CHECK(stage["memory"]["spilled_bytes"] > 0);
  }
  for (const json& layer : s["layers"])
    layers += layer["passes"]["forward"]["cycles"].get<double>();
  CHECK(waiting > 0);
  CHECK((cycles + waiting) / 30 == Approx(timing["steady_cycles_per_sample"].get<double>()));
  CHECK(layers == Approx(timing["steady_cycles_per_sample"].get<double>()));
}

TEST_CASE("inference: the question before the run knows no backward") {
  const Program program;
  const std::string check = job("nvdla_small", "resnet20-cifar10") + " --samples 30 --check --json";
  const Outcome outcome = program(check);
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  const json found = json::parse(outcome.output.substr(outcome.output.find('{')));
  for (const json& stage : found["stages"]) {
    CHECK(stage["cycles"]["forward"] > 0);
    CHECK(stage["cycles"]["backward"] == 0);
  }
  bool bandwidth = false;
  for (const json& answer : found["rate"]["what_if"])
    bandwidth = bandwidth || answer["field"] == "dram.bandwidth_gb_per_s";
  CHECK(bandwidth);
}

TEST_CASE("inference: what trains or keeps weights is refused, and what is not used is told") {
  const Program program;
  for (const char* other : {"--functional-only", "--precision f64", "--init-weights w.safetensors",
                            "--save-weights w.safetensors", "--checkpoint-every 1", "--resume",
                            "--epochs 2", "--replay order.rec", "--record-schedule order.rec"}) {
    const Outcome outcome = program(job("small_mesh", "lenet5-glyphs") + " " + other);
    CAPTURE(other, outcome.output);
    CHECK(outcome.status == 2);
    CHECK(outcome.output.find("--forward-only") != std::string::npos);
  }
  const Outcome told =
      program(job("small_mesh", "lenet5-glyphs") + " --samples 5 --out " + program.path("told"));
  CHECK(told.status == 0);
  CHECK(told.output.find("nothing is trained") != std::string::npos);
  CHECK(told.output.find("samples a second") != std::string::npos);
}

TEST_CASE("inference: every kind of core, interconnect and mapping") {
  const Program program;
  for (const char* hw : {"ideal", "gemmini16", "tpu_like", "two_gpus", "eyeriss", "wse2_like",
                         "mesh_of_16", "vta_pynq"}) {
    CAPTURE(hw);
    const json s = result_of(program, job(hw, "lenet5-glyphs") + " --samples 40");
    CHECK(s["timing"]["cycles"] > 0);
    CHECK(s["training"]["samples"] == 40);
  }
}

}  // namespace
}  // namespace stagecoach
