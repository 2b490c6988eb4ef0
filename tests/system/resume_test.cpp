// SPDX-License-Identifier: Apache-2.0
// Question: does a run that was stopped go on to the same bits, and is a checkpoint that does not
// serve refused with its reason? (Kills at random moments: tests/tools/kill_test.py.)
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "paths.h"
#include "tests/system/long_run.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::has_temporary_files;
using test::LongRun;
using test::Outcome;
using test::Program;
using test::refused;

/// Everything that a run leaves but the host's figures.
std::string results(const Program& program, const std::string& folder) {
  json summary = program.summary(folder);
  summary.erase("host");
  std::string all = summary.dump();
  for (const char* name :
       {"epochs.csv", "config.json", "staleness.csv", "utilization.csv", "memory.csv"})
    all += program.read(folder + "/" + name);
  return all;
}

std::vector<std::string> checkpoints(const Program& program) {
  std::vector<std::string> paths;
  if (!fs::exists(program.path("out/checkpoint"))) return paths;
  for (const auto& entry : fs::directory_iterator(program.path("out/checkpoint")))
    paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

constexpr const char* kResumeEpochs = "--epochs 40 ";
constexpr const char* kOften = "--checkpoint-every 0.0002 ";

/// A run of LeNet-5 stopped by a signal after some epochs, with two checkpoints or more behind it.
void stop_a_run(const Program& program, const std::string& more = "") {
  LongRun run(program, kOften + more, kResumeEpochs);
  run.read_epochs(6);
  run.send(SIGTERM);
  INFO(run.output());
  REQUIRE(run.end() == 143);
  REQUIRE(program.summary()["training"]["interrupted"] == true);
  REQUIRE(checkpoints(program).size() == 2);
}

Outcome resumed(const Program& program, const std::string& more = "") {
  return program(LongRun::arguments(program, kResumeEpochs) + " --resume " + more);
}

/// The same run, never stopped, in a folder of its own.
std::string whole(const Program& program) {
  REQUIRE(program(LongRun::arguments(program, kResumeEpochs, "whole")).status == 0);
  return results(program, "whole");
}

TEST_CASE("a run that SIGTERM stopped goes on to the same bits") {
  const Program program;
  stop_a_run(program);
  const Outcome outcome = resumed(program, "--threads 1");
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.output.find("continues after") != std::string::npos);
  CHECK(program.summary()["host"]["catch_up_seconds"].get<double>() > 0);
  CHECK((results(program, "out") == whole(program)));
  CHECK(checkpoints(program).empty());
  CHECK_FALSE(has_temporary_files(program.path("")));

  const Outcome again = resumed(program);
  CHECK(again.status == 0);
  CHECK(again.output.find("is complete: nothing is left to do") != std::string::npos);
  refused(resumed(program, "--save-weights " + program.path("w")),
          {"has ended", "is not there", "--force"});
}

TEST_CASE("a damaged checkpoint is refused with its reason, and the one before is taken") {
  const Program program;
  stop_a_run(program);
  const auto paths = checkpoints(program);
  fs::resize_file(paths[1], fs::file_size(paths[1]) / 2);
  const Outcome outcome = resumed(program);
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.output.find(paths[1] + ": is truncated") != std::string::npos);
  CHECK(outcome.output.find("continues after") != std::string::npos);
  CHECK((results(program, "out") == whole(program)));
}

TEST_CASE("without a checkpoint that is whole the run begins from its start") {
  const Program program;
  stop_a_run(program);
  const auto paths = checkpoints(program);
  program.write("out/checkpoint/" + fs::path(paths[0]).filename().string(), "");
  program.write("out/checkpoint/" + fs::path(paths[1]).filename().string(), "{\"foreign\": 1}");
  const Outcome outcome = resumed(program);
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.output.find(paths[0] + ": is empty") != std::string::npos);
  CHECK(outcome.output.find("and there is no other") != std::string::npos);
  CHECK(outcome.output.find(paths[1] + ": is no file of the kind") != std::string::npos);
  CHECK((results(program, "out") == whole(program)));
}

TEST_CASE("a folder without anything, or with a run that was killed early, is begun") {
  const Program program;
  REQUIRE(resumed(program, kOften).status == 0);
  const std::string first = results(program, "out");
  fs::remove_all(program.path("out"));
  {
    LongRun run(program, "", kResumeEpochs);
    run.read_epochs(2);
    run.send(SIGKILL);
    run.end();
  }
  REQUIRE(program.summary()["training"]["complete"] == false);
  REQUIRE(resumed(program).status == 0);
  CHECK((results(program, "out") == first));
}

TEST_CASE("a checkpoint of another run is refused by what differs") {
  const Program program;
  stop_a_run(program);
  const auto kept = checkpoints(program);
  refused(resumed(program, "--seed 7"),
          {"belongs to another run", "/workload/training/seed: 1 there, 7"});
  refused(resumed(program, "--set hw/clock_mhz=400"), {"/hardware/clock_mhz: 500", "400 here"});
  refused(resumed(program, "--precision f64"), {"/options/--precision: \"f32\" there, \"f64\""});
  refused(resumed(program, "--functional-only"), {"/options/--functional-only: false there, true"});
  refused(resumed(program, "--set workload/dataset/shuffle=false"), {"/workload/dataset/shuffle"});
  refused(resumed(program, "--trace"), {"/options/--trace"});
  CHECK(checkpoints(program) == kept);
  CHECK(program.summary()["training"]["interrupted"] == true);
}

TEST_CASE("a checkpoint is not lost by accident") {
  const Program program;
  stop_a_run(program);
  for (const char* name : {"summary.json", "epochs.csv", "config.json", "staleness.csv",
                           "utilization.csv", "memory.csv"})
    fs::remove(program.path("out/" + std::string(name)));
  refused(program.run(""), {"holds a checkpoint already", "--resume", "--force"});
  CHECK(checkpoints(program).size() == 2);
  REQUIRE(program.run("--force").status == 0);
  CHECK(checkpoints(program).empty());
}

TEST_CASE("a result of another command is not replaced by --resume alone") {
  const Program program;
  REQUIRE(program.run("--seed 2").status == 0);
  refused(program.run("--resume --seed 3"), {"result of another command", "--force"});
  CHECK(program.summary()["provenance"]["seed"] == 2);
  REQUIRE(program.run("--resume --force --seed 3").status == 0);
  CHECK(program.summary()["provenance"]["seed"] == 3);
}

TEST_CASE("a run that diverged ends the same way when it is resumed") {
  const Program program;
  const std::string steep =
      "--resume --checkpoint-every 10 --set "
      "workload/training/optimizer='{\"type\":\"sgd\",\"learning_rate\":1e30}'";
  REQUIRE(program.run(steep).status == 3);
  const std::string first = results(program, "out");
  const Outcome again = program.run(steep);
  CHECK(again.status == 3);
  CHECK(again.output.find("has diverged: nothing is left to do") != std::string::npos);
  CHECK((results(program, "out") == first));
}

TEST_CASE("a signal while the machine is simulated again costs nothing") {
  const Program program;
  stop_a_run(program);
  const std::string before = results(program, "out");
  {
    LongRun run(program, "--resume", kResumeEpochs);
    run.read_until("continues after");
    run.send(SIGTERM);
    const int status = run.end();
    CHECK((status == 143 || status == 1000 + SIGTERM));
  }
  if (program.summary()["training"]["complete"] == false) CHECK(!checkpoints(program).empty());
  REQUIRE(resumed(program).status == 0);
  CHECK((results(program, "out") == whole(program)));
}

TEST_CASE("checkpoints that cannot be written cost the run nothing") {
  const Program program;
  fs::create_directories(program.path("out"));
  program.write("out/checkpoint", "a file in the folder's place");
  const Outcome outcome = program(LongRun::arguments(program, "--epochs 5") + " --force " + kOften);
  INFO(outcome.output);
  CHECK(outcome.status == 0);
  CHECK(outcome.output.find("cannot be written") != std::string::npos);
  CHECK(outcome.output.find("the run continues") != std::string::npos);
  CHECK(program.summary()["training"]["complete"] == true);
}

}  // namespace
}  // namespace stagecoach
