// SPDX-License-Identifier: Apache-2.0
// Question: does what --check and refusals promise come true for who follows them?
#include <catch2/catch.hpp>
#include <cmath>
#include <regex>

#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

const test::Program& program() {
  static const test::Program p;
  return p;
}

std::string files(const std::string& hw, const std::string& workload) {
  const std::string root = STAGECOACH_SOURCE_DIR;
  return "--hw " + root + "/hw/" + hw + ".json --workload " + root + "/workloads/" + workload +
         ".json --timing-only";
}

/// The lines that a refusal gives, as they are copied: from "--set" to the remark in brackets.
std::vector<std::string> lines_of_advice(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, 8, "  --set ") == 0) lines.push_back(line.substr(0, line.find("   (")));
  }
  return lines;
}

/// A command without the --set options of fields that `line` sets as well.
std::string without_its_fields(std::string command, const std::string& line) {
  const std::regex option("--set '?([^= ]+)=");
  for (std::sregex_iterator set(line.begin(), line.end(), option), end; set != end; ++set) {
    command = std::regex_replace(
        command, std::regex(" --set '?" + (*set)[1].str() + "=('[^']*'|\\{[^}]*\\}'|\\S+)"), "");
  }
  return command;
}

TEST_CASE("a run that is refused starts with each line of the advice copied behind its command") {
  const std::string dram = " --set 'hw/dram={\"bandwidth_gb_per_s\": 4, \"latency_ns\": 100}'";
  const std::string cases[] = {
      files("small_mesh", "resnet20-cifar10"),
      files("small_mesh", "resnet20-cifar10") + dram,
      files("small_mesh", "resnet20-cifar10") + dram + " --set hw/memory_policy=spill",
      files("small_mesh", "vgg11-cifar10"),
      files("small_mesh", "lenet5-glyphs") + " --set workload/pipeline/partition=per_module" +
          " --set hw/cores/0/activation_buffer/capacity_kib=4",
      files("gemmini16", "resnet20-cifar10") +
          " --set workload/pipeline/schedule=gpipe --set workload/training/batch_size=16",
      files("tpu_like", "vgg16-cifar10") + " --set hw/memory_policy=error",
      files("wse2_like", "resnet20-cifar10") + " --set hw/cores/0/count=30"};
  int followed = 0;
  for (const std::string& arguments : cases) {
    const std::string command =
        arguments + " --samples 40 --epochs 1 --quiet --force --out " + program().path("advised");
    const test::Outcome refused = program()(command);
    CAPTURE(arguments, refused.output);
    if (refused.status == 0) continue;
    REQUIRE(refused.status == 2);
    const std::vector<std::string> lines = lines_of_advice(refused.output);
    CHECK(lines.size() > 0);
    CHECK(lines_of_advice(program()(command + " --check").output) == lines);
    for (const std::string& line : lines) {
      const test::Outcome outcome = program()(without_its_fields(command, line) + line);
      CAPTURE(line, outcome.output);
      CHECK(outcome.status == 0);
      ++followed;
    }
  }
  CHECK(followed > 10);
}

struct Answer {
  std::string field, before, after;
  double cycles = 0;
};

/// The table of --check: field, old and new value, cycles per micro-batch.
std::vector<Answer> answers_of(std::string text) {
  std::vector<Answer> answers;
  const std::regex row(R"(^(\S+)\s+(\S+) -> (\S+)\s+([0-9,.]+)\s+[-+][0-9.]+ %$)");
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (!std::regex_match(line, m, row)) continue;
    std::string cycles = m[4];
    cycles.erase(std::remove(cycles.begin(), cycles.end(), ','), cycles.end());
    answers.push_back({m[1], m[2], m[3], std::stod(cycles)});
  }
  return answers;
}

/// "cores[0].vector_unit.lanes" as --set takes it.
std::string pointer_of(std::string field) {
  field = std::regex_replace(field, std::regex(R"(\[(\d+)\])"), "/$1");
  std::replace(field.begin(), field.end(), '.', '/');
  return "hw/" + field;
}

TEST_CASE("every change that --check promises costs what a run with that --set pays") {
  const std::string cases[] = {
      files("small_mesh", "lenet5-glyphs"),
      files("eyeriss", "vgg11-cifar10") + " --set 'workload/pipeline/partition={\"balanced\": 6}'",
      files("eyeriss", "alexnet-cifar10") +
          " --set 'workload/pipeline/partition={\"balanced\": 4}'",
      files("gemmini16", "lenet5-glyphs") + " --set hw/cores/0/count=2",
      files("nvdla_small", "lenet5-glyphs") + " --set hw/cores/0/count=3",
      files("two_gpus", "vgg11-cifar10"),
      files("tpu_like", "resnet20-cifar10") +
          " --set 'workload/pipeline/partition={\"balanced\": 5}' --set hw/cores/0/count=3"};
  int compared = 0;
  for (const std::string& arguments : cases) {
    const std::string command = arguments + " --samples 1000 --epochs 1 --quiet";
    const std::string text = program()(command + " --check").output;
    CAPTURE(arguments, text);
    const std::vector<Answer> answers = answers_of(text);
    CHECK(answers.size() > 0);
    for (const Answer& a : answers) {
      const std::string set = " --set " + pointer_of(a.field) + "=" + a.after;
      const test::Outcome outcome = program()(without_its_fields(command, set) + set +
                                              " --force --out " + program().path("paid"));
      CAPTURE(set, outcome.output);
      REQUIRE(outcome.status == 0);
      const auto timing = nlohmann::json::parse(program().read("paid/summary.json"))["timing"];
      REQUIRE(timing["steady_cycles_per_sample"].is_number());
      // --check simulates the first 400 of these samples.
      CHECK(a.cycles == Approx(timing["steady_cycles_per_sample"].get<double>()).epsilon(0.005));
      ++compared;
    }
  }
  CHECK(compared > 20);
}

}  // namespace
}  // namespace stagecoach
