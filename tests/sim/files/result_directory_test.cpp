// SPDX-License-Identifier: Apache-2.0
// Is an earlier result safe, and is every reason to refuse told?
#include "sim/files/result_directory.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests
namespace fs = std::filesystem;

namespace {

std::size_t entries(const std::string& path) {
  return std::distance(fs::directory_iterator(path), fs::directory_iterator());
}

}  // namespace

TEST_CASE("the directory and its parents are made and left empty until something is written") {
  const TemporaryDirectory temporary;
  ResultDirectory out(temporary / "a/b/c", false);
  CHECK(fs::is_directory(temporary / "a/b/c"));
  CHECK(entries(temporary / "a/b/c") == 0);
  out.write(kMemoryFile, "x\n");
  CHECK(read_text(out.path_of(kMemoryFile)) == "x\n");
  CHECK(out.written() == std::vector<std::string>{kMemoryFile});
  CHECK(entries(temporary / "a/b/c") == 1);
}

TEST_CASE("an existing result is refused without force and stays as it was") {
  const TemporaryDirectory temporary;
  ResultDirectory(temporary / "out", false).write(kSummaryFile, "old");
  CHECK_THROWS_WITH(ResultDirectory(temporary / "out", false),
                    Catch::Contains("summary.json") && Catch::Contains("--force"));
  CHECK_THROWS_AS(ResultDirectory(temporary / "out", false), UserError);
  CHECK(read_text(temporary / "out/summary.json") == "old");
}

TEST_CASE("a directory with other files only is no result") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "notes.txt") << "mine";
  ResultDirectory out(temporary.path().string(), false);
  out.write(kSummaryFile, "new");
  out.remove_leftovers();
  CHECK(read_text(temporary / "notes.txt") == "mine");
}

TEST_CASE("with force the old result stays until the new one takes its place") {
  const TemporaryDirectory temporary;
  {
    ResultDirectory old(temporary / "out", false);
    old.write(kSummaryFile, "old");
    old.write(kTraceFile, "old trace");
  }
  ResultDirectory out(temporary / "out", true);
  CHECK(read_text(out.path_of(kSummaryFile)) == "old");
  out.write(kSummaryFile, "new");
  CHECK(read_text(out.path_of(kTraceFile)) == "old trace");
  out.remove_leftovers();
  CHECK(read_text(out.path_of(kSummaryFile)) == "new");
  CHECK_FALSE(fs::exists(out.path_of(kTraceFile)));
}

TEST_CASE("a file that was begun and not completed goes away") {
  const TemporaryDirectory temporary;
  fs::create_directories(temporary / "out");
  {
    ResultDirectory out(temporary / "out", false);
    std::ofstream(out.temporary_path(kTraceFile)) << "half";
    CHECK(entries(temporary / "out") == 1);
    std::ofstream(out.temporary_path(kWavesFile)) << "half";
    out.discard(kWavesFile);
    CHECK(entries(temporary / "out") == 1);
  }
  CHECK(entries(temporary / "out") == 0);
}

TEST_CASE("folders that were made and stay empty go away, others do not") {
  const TemporaryDirectory temporary;
  fs::create_directories(temporary / "mine");
  { ResultDirectory out(temporary / "mine/a/b", false); }
  CHECK(fs::exists(temporary / "mine"));
  CHECK(entries(temporary / "mine") == 0);
  { ResultDirectory(temporary / "mine/a/b", false).write(kSummaryFile, "kept"); }
  CHECK(read_text(temporary / "mine/a/b/summary.json") == "kept");
  { ResultDirectory out(temporary / "mine/", false); }
  CHECK(fs::exists(temporary / "mine"));
}

TEST_CASE("a file in the place of the directory is told") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "out") << "a file";
  CHECK_THROWS_WITH(ResultDirectory(temporary / "out", true), Catch::Contains("give a directory"));
}

TEST_CASE("a place that cannot be created is told") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "file") << "a file";
  CHECK_THROWS_WITH(ResultDirectory(temporary / "file/out", false),
                    Catch::Contains("--out") && Catch::Contains("cannot be created"));
}

TEST_CASE("a place that cannot be written is told before any work") {
  // A file system without room or rights for anyone, root included.
  CHECK_THROWS_WITH(ResultDirectory("/proc/self", false), Catch::Contains("cannot be written"));
}
