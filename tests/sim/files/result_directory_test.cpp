// SPDX-License-Identifier: Apache-2.0
// Is an earlier result safe, and is every reason to refuse told?
#include "sim/files/result_directory.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests
namespace fs = std::filesystem;

namespace {

std::size_t entries(const std::string& path) {
  return std::distance(fs::directory_iterator(path), fs::directory_iterator());
}

/// What a run's folder holds besides the lock.
std::size_t results(const std::string& path) {
  REQUIRE(fs::exists(path + "/.lock"));
  return entries(path) - 1;
}

void make_result(const std::string& path, const std::string& summary) {
  ResultDirectory out(path, Earlier::refuse);
  out.write(kSummaryFile, summary);
  REQUIRE(out.publish().empty());
}

}  // namespace

TEST_CASE("the directory and its parents are made and left empty until something is written") {
  const TemporaryDirectory temporary;
  ResultDirectory out(temporary / "a/b/c", Earlier::refuse);
  CHECK(fs::is_directory(temporary / "a/b/c"));
  CHECK(results(temporary / "a/b/c") == 0);
  out.write(kMemoryFile, "x\n");
  out.write(kSummaryFile, "{}\n");
  CHECK(results(temporary / "a/b/c") == 0);
  CHECK(out.publish().empty());
  CHECK(read_text(out.path_of(kMemoryFile)) == "x\n");
  CHECK(out.written() == std::vector<std::string>{kMemoryFile, kSummaryFile});
  CHECK(results(temporary / "a/b/c") == 2);
}

TEST_CASE("an existing result is refused without force and stays as it was") {
  const TemporaryDirectory temporary;
  make_result(temporary / "out", "old");
  CHECK_THROWS_WITH(ResultDirectory(temporary / "out", Earlier::refuse),
                    Catch::Contains("summary.json") && Catch::Contains("--force"));
  CHECK_THROWS_AS(ResultDirectory(temporary / "out", Earlier::refuse), UserError);
  CHECK(read_text(temporary / "out/summary.json") == "old");
}

TEST_CASE("a directory with other files only is no result") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "notes.txt") << "mine";
  ResultDirectory out(temporary.path().string(), Earlier::refuse);
  out.write(kSummaryFile, "new");
  CHECK(out.publish().empty());
  CHECK(read_text(temporary / "notes.txt") == "mine");
}

TEST_CASE("with force the old result stays until the new one takes its place") {
  const TemporaryDirectory temporary;
  {
    ResultDirectory old(temporary / "out", Earlier::refuse);
    old.write(kSummaryFile, "old");
    old.write(kTraceFile, "old trace");
    old.publish();
  }
  ResultDirectory out(temporary / "out", Earlier::replace);
  out.write(kSummaryFile, "new");
  CHECK(read_text(out.path_of(kSummaryFile)) == "old");
  CHECK(read_text(out.path_of(kTraceFile)) == "old trace");
  out.publish();
  CHECK(read_text(out.path_of(kSummaryFile)) == "new");
  CHECK_FALSE(fs::exists(out.path_of(kTraceFile)));
}

TEST_CASE("without a new summary nothing appears and nothing goes") {
  const TemporaryDirectory temporary;
  make_result(temporary / "out", "old");
  ResultDirectory out(temporary / "out", Earlier::replace);
  out.write(kEpochsFile, "new");
  CHECK(out.publish().empty());
  CHECK(read_text(out.path_of(kSummaryFile)) == "old");
  CHECK_FALSE(fs::exists(out.path_of(kEpochsFile)));
}

TEST_CASE("results are brought up to date while another file still grows") {
  const TemporaryDirectory temporary;
  ResultDirectory out(temporary / "out", Earlier::refuse);
  DurableFile& trace = out.begin(kTraceFile);
  for (const char* text : {"1", "2"}) {
    out.write(kSummaryFile, text);
    trace.stream() << text;
    CHECK(out.publish().empty());
    CHECK(read_text(out.path_of(kSummaryFile)) == text);
    CHECK_FALSE(fs::exists(out.path_of(kTraceFile)));
  }
  out.complete(kTraceFile);
  out.write(kSummaryFile, "3");
  CHECK(out.publish().empty());
  CHECK(read_text(out.path_of(kTraceFile)) == "12");
  CHECK(out.written() == std::vector<std::string>{kSummaryFile, kTraceFile});
}

TEST_CASE("a second run into one folder is refused while the first lives") {
  const TemporaryDirectory temporary;
  {
    const ResultDirectory first(temporary / "out", Earlier::refuse);
    CHECK_THROWS_WITH(ResultDirectory(temporary / "out", Earlier::replace),
                      Catch::Contains("another run (process " + std::to_string(::getpid()) + ")"));
  }
  const ResultDirectory again(temporary / "out", Earlier::refuse);
}

TEST_CASE("what a killed run left is no lock, and its unfinished files go") {
  const TemporaryDirectory temporary;
  fs::create_directories(temporary / "out");
  std::ofstream(temporary / "out/.lock") << "1\n";
  std::ofstream(temporary / "out/.stagecoach-0123456789abcdef01234567.part") << "half";
  std::ofstream(temporary / "out/.stagecoach-mine.part") << "mine";
  { const ResultDirectory out(temporary / "out", Earlier::refuse); }
  CHECK(entries(temporary / "out") == 1);
  CHECK(read_text(temporary / "out/.stagecoach-mine.part") == "mine");
}

TEST_CASE("a file that was begun and not completed goes away") {
  const TemporaryDirectory temporary;
  fs::create_directories(temporary / "out");
  {
    ResultDirectory out(temporary / "out", Earlier::refuse);
    out.begin(kTraceFile).stream() << "half" << std::flush;
    out.begin(kWavesFile).stream() << "half" << std::flush;
    out.discard(kWavesFile);
  }
  CHECK(entries(temporary / "out") == 0);
}

TEST_CASE("a folder that vanished during the run is made again") {
  const TemporaryDirectory temporary;
  ResultDirectory out(temporary / "out", Earlier::refuse);
  fs::remove_all(temporary / "out");
  out.write(kSummaryFile, "kept");
  CHECK(out.publish().empty());
  CHECK(read_text(temporary / "out/summary.json") == "kept");
}

TEST_CASE("a link that leads nowhere is refused and stays") {
  const TemporaryDirectory temporary;
  fs::create_symlink("away", temporary / "out");
  CHECK_THROWS_WITH(ResultDirectory(temporary / "out", Earlier::replace),
                    Catch::Contains("is a link to away, which does not exist"));
  CHECK(fs::is_symlink(temporary / "out"));
  fs::create_symlink("away", temporary / "parent");
  CHECK_THROWS_AS(ResultDirectory(temporary / "parent/out", Earlier::replace), UserError);
  CHECK(fs::is_symlink(temporary / "parent"));
}

TEST_CASE("folders that were made and stay empty go away, others do not") {
  const TemporaryDirectory temporary;
  fs::create_directories(temporary / "mine");
  { ResultDirectory out(temporary / "mine/a/b", Earlier::refuse); }
  CHECK(fs::exists(temporary / "mine"));
  CHECK(entries(temporary / "mine") == 0);
  make_result(temporary / "mine/a/b", "kept");
  CHECK(read_text(temporary / "mine/a/b/summary.json") == "kept");
  { ResultDirectory out(temporary / "mine/", Earlier::refuse); }
  CHECK(fs::exists(temporary / "mine"));
}

TEST_CASE("a file in the place of the directory is told") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "out") << "a file";
  CHECK_THROWS_WITH(ResultDirectory(temporary / "out", Earlier::replace),
                    Catch::Contains("give a directory"));
}

TEST_CASE("a place that cannot be created is told") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "file") << "a file";
  CHECK_THROWS_WITH(ResultDirectory(temporary / "file/out", Earlier::refuse),
                    Catch::Contains("--out") && Catch::Contains("cannot be created"));
}

TEST_CASE("a place that cannot be written is told before any work") {
  // A file system without room or rights for anyone, root included.
  CHECK_THROWS_WITH(ResultDirectory("/proc/self", Earlier::refuse),
                    Catch::Contains("cannot be written"));
}
