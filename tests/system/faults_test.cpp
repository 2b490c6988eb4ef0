// SPDX-License-Identifier: Apache-2.0
// Question: does a closed descriptor, a full or missing device, a reader that goes away, a wrong
// name or a signal leave anything that is wrong?
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "models/data/safetensors.h"
#include "paths.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Outcome;
using test::Program;
using test::refused;

std::string line(const Program& program, const std::string& more) {
  return std::string(STAGECOACH_PROGRAM) + " " + Program::files() +
         " --samples 300 --epochs 1 --out " + program.path("out") + " " + more;
}

TEST_CASE("closed standard descriptors change no file") {
  const Program program;
  const auto files = [&](const std::string& redirections) {
    const std::string more = "--force --trace --trace-samples 20 --record-schedule " +
                             program.path("order") + " --save-weights " + program.path("w");
    CHECK(Program::shell(line(program, more) + " " + redirections).status == 0);
    return program.read("order") + program.read("w") + program.read("out/trace.json.gz") +
           program.read("out/epochs.csv");
  };
  const std::string open = files("");
  for (const char* closed : {"2>&-", ">&-", "2>&- >&-", "<&- >&- 2>&-"}) {
    INFO(closed);
    CHECK((files(closed) == open));
  }
}

TEST_CASE("output that cannot be written is an error") {
  const Program program;
  for (const char* more : {"--help", "--version", "--list-stats", "--print-fields hw"}) {
    refused(Program::shell(std::string(STAGECOACH_PROGRAM) + " " + more + " >/dev/full"),
            {"standard output: cannot be written: No space left on device"});
  }
  refused(Program::shell(line(program, "--check >/dev/full")), {"cannot be written"});
  refused(Program::shell(line(program, "--print-config >/dev/full")), {"cannot be written"});
  refused(Program::shell(line(program, "--quiet >/dev/full")), {"cannot be written"});
  CHECK(program.summary()["training"]["complete"] == true);
}

TEST_CASE("a reader that goes away costs the printing only") {
  const Program program;
  const std::string saved = "--force --save-weights " + program.path("w");
  for (const char* reader : {"true", "head -1"}) {
    const Outcome outcome =
        Program::shell("{ " + line(program, saved) + "; echo status $? >&2; } | " + reader);
    CHECK(outcome.output.find("status 0") != std::string::npos);
    CHECK(program.summary()["training"]["complete"] == true);
    CHECK(read_safetensors(program.path("w")).size() == 10);
    fs::remove(program.path("w"));
  }
}

TEST_CASE("a summary says whether the run went to its end") {
  const Program program;
  REQUIRE(program.run("").status == 0);
  CHECK(program.summary()["training"]["complete"] == true);
  REQUIRE(program.run("--force --timing-only").status == 0);
  CHECK(program.summary()["training"]["complete"] == true);
  const std::string steep =
      "--set workload/training/optimizer='{\"type\":\"sgd\",\"learning_rate\":1e30}'";
  REQUIRE(program.run("--force " + steep).status == 3);
  CHECK(program.summary()["training"]["complete"] == false);
}

TEST_CASE("one file for two uses, or over an input, is refused") {
  const Program program;
  const std::string root = STAGECOACH_SOURCE_DIR;
  const std::string f = program.path("f");
  refused(program.run("--force --record-schedule " + f + " --save-weights " + f),
          {"--record-schedule " + f, "is the file of --save-weights as well"});
  refused(program.run("--force --save-weights " + root + "/workloads/../workloads/" +
                      "lenet5-glyphs.json"),
          {"is the file of --workload as well"});
  refused(program.run("--force --save-weights " + program.path("out/summary.json")),
          {"is the file of summary.json of --out as well"});
  REQUIRE(program.run("--force --save-weights " + f).status == 0);
  const std::string saved = program.read("f");
  refused(program.run("--force --init-weights " + f + " --save-weights " + f),
          {"is the file of --init-weights as well"});
  refused(program.run("--force --replay " + f + " --save-weights " + f),
          {"is the file of --replay as well"});
  fs::remove_all(program.path("out"));
  refused(program.run("--save-weights " + f), {"there is a file of this name", "--force"});
  CHECK((program.read("f") == saved));
}

TEST_CASE("escape sequences in names do not reach the terminal") {
  const Program program;
  const std::string escape = "\x1b]0;owned\x07";
  const std::string named =
      "--set 'hw/name=" + escape + "' --set workload/network/layers/0/name='" + escape + "' ";
  const std::string network =
      "--set workload/network='{\"input\": [1, 28, 28], \"layers\": "
      "[{\"type\": \"flatten\"}, {\"name\": \"\\u001b[31mred\\u009b\", "
      "\"type\": \"linear\", \"out_features\": 10}]}' ";
  for (const std::string& more :
       {network + "--check", network, network + "--print-config", named, named + "--check"}) {
    const Outcome outcome = program.run("--force --set 'workload/name=" + escape + "' " + more);
    INFO(outcome.output);
    CHECK(outcome.status == 0);
    CHECK(outcome.output.find('\x1b') == std::string::npos);
    CHECK(outcome.output.find('\x07') == std::string::npos);
    CHECK(outcome.output.find("\xc2\x9b") == std::string::npos);
    CHECK(outcome.output.find("\\u001b]0;owned\\u0007") != std::string::npos);
  }
}

TEST_CASE("a path with a NUL is refused") {
  const Program program;
  refused(program.run("--set 'workload/dataset={\"format\": \"idx\", \"train_images\": "
                      "\"a\\u0000b\", \"train_labels\": \"c\"}'"),
          {"/train_images", "found a NUL character"});
}

TEST_CASE("an option as --option=VALUE gives the summary of --option VALUE") {
  const Program program;
  const std::string order = program.path("order");
  REQUIRE(program.run("--record-schedule " + order).status == 0);
  REQUIRE(program.run("--force --replay " + order).status == 0);
  const json separate = program.summary()["provenance"];
  REQUIRE(program.run("--force --replay=" + order).status == 0);
  CHECK(program.summary()["provenance"] == separate);
}

std::int64_t peak_bytes(const Program& program) {
  return program.summary()["host"]["peak_rss_bytes"].get<std::int64_t>();
}

TEST_CASE("memory follows the samples, not the batch size") {
  const Program program;
  const std::string batch = "--set workload/training/batch_size=1000000 ";
  const Outcome outcome =
      program(Program::files() + " --samples 6 --epochs 2 --quiet --out " + program.path("out") +
              " --set workload/pipeline/schedule=sequential" +
              " --set 'workload/training/optimizer={\"learning_rate\":0.01}' " + batch);
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(program.summary()["training"]["updates"] == 2);
  CHECK(peak_bytes(program) < 200'000'000);
}

TEST_CASE("a stage costs kilobytes") {
  const Program program;
  json layers = json::array();
  for (int i = 0; i < 1000; ++i) layers.push_back({{"type", "linear"}, {"out_features", 4}});
  const json workload = {
      {"dataset", {{"format", "random"}, {"shape", {4}}, {"classes", 4}, {"train_samples", 6}}},
      {"network", {{"input", {4}}, {"layers", layers}}},
      {"pipeline", {{"partition", "per_layer"}, {"schedule", "pipelined"}}},
      {"training", {{"epochs", 1}, {"optimizer", {{"type", "sgd"}, {"learning_rate", 0.1}}}}}};
  program.write("chain.json", workload.dump());
  const Outcome outcome = program("--hw ideal --workload " + program.path("chain.json") +
                                  " --quiet --out " + program.path("out"));
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(peak_bytes(program) < 400'000'000);
}

TEST_CASE("threads that the system does not start are the user's number") {
  const Program program;
  refused(Program::shell("ulimit -v 3000000; " + line(program, "--threads 1000")),
          {"--threads 1000: this computer runs", "ask for fewer"});
}

TEST_CASE("an output folder that is a link to nowhere is refused, and the link stays") {
  const Program program;
  fs::create_symlink("away", program.path("out"));
  refused(program.run("--force"), {"--out", "is a link to away, which does not exist"});
  CHECK(fs::is_symlink(program.path("out")));
}

}  // namespace
}  // namespace stagecoach
