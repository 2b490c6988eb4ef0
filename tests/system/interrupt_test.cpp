// SPDX-License-Identifier: Apache-2.0
// Question: does a signal in the middle of a run cost anything but the rest of the run?
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "models/data/safetensors.h"
#include "paths.h"
#include "tests/system/long_run.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::has_temporary_files;
using test::LongRun;
using test::Program;

struct Case {
  int signal;
  int status;
  const char* more;
};

TEST_CASE("an interrupted run writes its results up to there and says so") {
  for (const Case& c : {Case{SIGINT, 130, "--trace --trace-samples 100 --record-schedule "},
                        Case{SIGTERM, 143, "--functional-only --save-weights "},
                        Case{SIGHUP, 129, "--functional-only --save-weights "}}) {
    const Program program;
    const std::string beside = program.path("beside");
    LongRun run(program, c.more + beside);
    run.read_epochs(2);
    run.send(c.signal);
    const int status = run.end();
    INFO(c.more << run.output());
    CHECK(status == c.status);
    CHECK(run.output().find("THE RUN WAS INTERRUPTED") != std::string::npos);
    const json s = program.summary();
    CHECK(s["training"]["interrupted"] == true);
    CHECK(s["training"]["complete"] == false);
    CHECK(s["training"]["diverged"] == false);
    const auto samples = s["training"]["samples"].get<std::size_t>();
    const std::size_t epochs = s["training"]["epochs"].size();
    CHECK(samples >= 600);
    CHECK(samples <= 300 * epochs);
    CHECK(samples > 300 * (epochs - 2));
    CHECK(program.read("out/epochs.csv").size() > 100);
    if (c.signal == SIGINT) {
      for (const json& stage : s["stages"]) {
        std::int64_t sum = 0;
        for (const auto& [name, cycles] : stage["cycles"].items())
          sum += cycles.get<std::int64_t>();
        CHECK(sum == s["timing"]["cycles"].get<std::int64_t>());
      }
      CHECK(fs::file_size(program.path("out/trace.json.gz")) > 0);
      CHECK_FALSE(fs::exists(beside));  // an order that is not complete is of no use
      CHECK(run.output().find("not recorded, for the run was interrupted") != std::string::npos);
    } else {
      CHECK(read_safetensors(beside).size() == 10);
    }
    CHECK_FALSE(has_temporary_files(program.path("")));
  }
}

TEST_CASE("with --quiet the status alone tells of a signal") {
  for (const int signals : {1, 2}) {
    const Program program;
    LongRun run(program, "--quiet");
    // Results so far are there after an epoch: nothing is told before.
    while (!fs::exists(program.path("out/summary.json"))) ::usleep(1000);
    run.stop();
    run.send(SIGINT);
    if (signals == 2) run.send(SIGTERM);
    run.send(SIGCONT);
    const int status = run.end();
    CHECK((status == 130 || (signals == 2 && status == 143)));
    INFO(run.output());
    CHECK(run.output().find("stagecoach: ") == std::string::npos);
    CHECK(run.output().find("THE RUN WAS INTERRUPTED") != std::string::npos);
  }
}

TEST_CASE("a run that is killed leaves the epochs up to there, marked as not complete") {
  const Program program;
  LongRun run(program, "");
  // The files may take a twentieth of the run's time: not every epoch that is told is in them.
  const auto written = [&] {
    return fs::exists(program.path("out/summary.json")) &&
           program.summary()["training"]["epochs"].size() >= 2;
  };
  for (int told = 0; told < 100000 && !written(); ++told) run.read_epochs(1);
  run.send(SIGKILL);
  CHECK(run.end() == 1000 + SIGKILL);
  const json s = program.summary();
  CHECK(s["training"]["complete"] == false);
  CHECK(s["training"]["interrupted"] == false);
  const std::size_t epochs = s["training"]["epochs"].size();
  CHECK(epochs >= 2);
  CHECK(s["training"]["samples"] == 300 * epochs);
  CHECK(s["training"]["updates"] == 300 * epochs);
  CHECK(s["timing"]["cycles"].is_null());
  const std::string table = program.read("out/epochs.csv");
  CHECK(std::count(table.begin(), table.end(), '\n') >= static_cast<std::ptrdiff_t>(epochs + 1));
  // It is no lock either.
  REQUIRE(program.run("--force").status == 0);
  CHECK_FALSE(has_temporary_files(program.path("")));
}

TEST_CASE("a second run into the folder of the first is refused and harms nothing") {
  const Program program;
  LongRun run(program, "");
  run.read_epochs(1);
  test::refused(program.run("--force"), {"--out", "another run", "is writing there"});
  run.read_epochs(2);
  run.send(SIGTERM);
  CHECK(run.end() == 143);
  CHECK(program.summary()["training"]["interrupted"] == true);
}

TEST_CASE("a run that nobody interrupts does not claim it") {
  const Program program;
  REQUIRE(program.run("").status == 0);
  CHECK(program.summary()["training"]["interrupted"] == false);
}

TEST_CASE("a second signal costs no results, and a third ends the program at once") {
  for (const bool third : {false, true}) {
    const Program program;
    LongRun run(program, "");
    run.read_epochs(1);
    run.stop();  // so that all are there when it goes on
    run.send(SIGINT);
    run.send(SIGTERM);
    if (third) run.send(SIGHUP);
    run.send(SIGCONT);
    const int status = run.end();
    const json training = program.summary()["training"];
    CHECK(training["complete"] == false);
    CHECK(training["epochs"].size() >= 1);
    if (third) {
      CHECK(status > 1000);  // by a signal, with the epochs that were on disk
    } else {
      CHECK((status == 130 || status == 143));
      CHECK(training["interrupted"] == true);
    }
  }
}

TEST_CASE("a signal ends a run in the middle of an evaluation of minutes") {
  const Program program;
  const std::string data =
      R"(--set workload/dataset='{"format":"random","shape":[1,28,28],"classes":10,)"
      R"("train_samples":300,"test_samples":5000000}' --set workload/training/epochs=2)";
  LongRun run(program, data, "");
  ::sleep(5);
  run.send(SIGINT);
  CHECK(run.end() == 130);
  const json training = program.summary()["training"];
  CHECK(training["interrupted"] == true);
  CHECK(training["complete"] == false);
  CHECK(training["samples"] >= 1);
}

TEST_CASE("an ignored signal, as in a shell's background, stays ignored") {
  const Program program;
  LongRun run(program, "", "--epochs 1000000", true);
  run.read_epochs(1);
  run.send(SIGINT);
  run.read_epochs(5);
  run.send(SIGTERM);
  CHECK(run.end() == 143);
}

}  // namespace
}  // namespace stagecoach
