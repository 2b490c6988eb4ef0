// SPDX-License-Identifier: Apache-2.0
// Question: does a disk that is full, or a file that cannot be written, cost anything but that
// file?
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "paths.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;
using test::has_temporary_files;
using test::Outcome;
using test::Program;
using test::refused;

std::string run_line(const Program& program, const std::string& more) {
  return std::string(STAGECOACH_PROGRAM) + " " + Program::files() +
         " --samples 300 --epochs 1 --quiet --out " + program.path("out") + " " + more;
}

/// No file may grow beyond so many blocks of 512 bytes.
Outcome with_small_files(int blocks, const std::string& line) {
  return Program::shell("ulimit -f " + std::to_string(blocks) + "; " + line);
}

/// The run with its --out on a disk of so many KiB; what it leaves there comes into the folder
/// "kept". False where the system lets nobody mount one.
bool on_small_disk(const Program& program, int kib, const std::string& more, Outcome& outcome) {
  if (Program::shell("unshare -rm true").status != 0) {
    WARN("skipped: no user namespaces here, so no small disk");
    return false;
  }
  fs::create_directories(program.path("out"));
  fs::create_directories(program.path("kept"));
  outcome = Program::shell("unshare -rm sh -c \"mount -t tmpfs -o size=" + std::to_string(kib) +
                           "k none " + program.path("out") + " && { " + run_line(program, more) +
                           "; s=\\$?; cp -r " + program.path("out") + "/. " + program.path("kept") +
                           "; exit \\$s; }\"");
  INFO(outcome.output);
  REQUIRE(outcome.status != 1);  // mount
  return true;
}

TEST_CASE("files that cannot be written cost no others, and the report is printed") {
  const Program program;
  const Outcome outcome =
      with_small_files(64, run_line(program, "--trace --save-weights " + program.path("w")));
  refused(outcome, {"trace.json.gz: cannot be written: File too large",
                    "--save-weights " + program.path("w") + ": cannot be written: File too large",
                    "memory.csv: cannot be written: File too large", "busiest", "results"});
  CHECK(program.summary()["training"]["samples"] == 300);
  CHECK(fs::exists(program.path("out/epochs.csv")));
  CHECK_FALSE(fs::exists(program.path("out/memory.csv")));
  CHECK_FALSE(fs::exists(program.path("out/trace.json.gz")));
  CHECK_FALSE(fs::exists(program.path("w")));
}

TEST_CASE("on a full disk the results matter more than the trace") {
  const Program program;
  Outcome outcome;
  // The trace alone would take all of it.
  if (!on_small_disk(program, 64, "--trace", outcome)) return;
  refused(outcome, {"trace.json.gz", "No space left on device", "busiest"});
  CHECK(program.summary("kept")["training"]["samples"] == 300);
  CHECK(fs::exists(program.path("kept/epochs.csv")));
  CHECK_FALSE(fs::exists(program.path("kept/trace.json.gz")));
}

TEST_CASE("a trace that leaves no room for the results is given up for them") {
  const Program program;
  Outcome outcome;
  const std::string some = "--trace --trace-samples ";
  if (!on_small_disk(program, 10000, some + "60", outcome)) return;
  REQUIRE(outcome.status == 0);
  // Whole pages: the lock, the results after the epoch, the trace, and not quite the last summary.
  const auto pages = [&](const char* name) {
    return (fs::file_size(program.path("kept/" + std::string(name))) + 4095) / 4096;
  };
  const auto room = static_cast<int>(4 * (1 + pages("epochs.csv") + pages("config.json") +
                                          pages("trace.json.gz") + 2 * pages("summary.json") - 1));
  REQUIRE(pages("trace.json.gz") > 2);
  fs::remove_all(program.path("kept"));
  REQUIRE(on_small_disk(program, room, some + "60", outcome));
  refused(outcome, {"trace.json.gz: removed to make room for the results", "busiest"});
  CHECK(program.summary("kept")["training"]["samples"] == 300);
  CHECK_FALSE(fs::exists(program.path("kept/trace.json.gz")));
}

TEST_CASE("a run that lost files at its end is not called complete, and --resume makes them") {
  const Program program;
  const std::string line = run_line(program, "--resume --save-weights " + program.path("w"));
  refused(with_small_files(64, line), {"--save-weights", "memory.csv", "File too large"});
  CHECK(program.summary()["training"]["complete"] == false);
  const Outcome again = Program::shell(line);
  INFO(again.output);
  CHECK(again.status == 0);
  CHECK(program.summary()["training"]["complete"] == true);
  CHECK(fs::exists(program.path("out/memory.csv")));
  CHECK(fs::exists(program.path("w")));
}

TEST_CASE("weights that cannot be saved are refused before the training") {
  const Program program;
  program.write("w", "good");
  for (const std::string& place :
       {program.path("no/where"), program.path(""), program.path("w/x")}) {
    refused(program.run("--force --save-weights " + place), {"--save-weights " + place});
    CHECK_FALSE(fs::exists(program.path("out/summary.json")));
  }
  CHECK(program.read("w") == "good");
}

TEST_CASE("weights that were saved before stay until the new ones are complete") {
  const Program program;
  program.write("w", "good");
  refused(with_small_files(64, run_line(program, "--force --save-weights " + program.path("w"))),
          {"--save-weights", "File too large"});
  CHECK(program.read("w") == "good");
  CHECK_FALSE(has_temporary_files(program.path("")));
}

TEST_CASE("a recording that cannot be completed costs no results") {
  const Program program;
  const std::string longer = " --set hw/name=" + std::string(100, 'n');  // than one block
  refused(
      with_small_files(1, run_line(program, "--record-schedule " + program.path("order") + longer)),
      {"--record-schedule " + program.path("order") + ": cannot be written: File too large",
       "busiest"});
  CHECK_FALSE(has_temporary_files(program.path("")));
}

}  // namespace
}  // namespace stagecoach
