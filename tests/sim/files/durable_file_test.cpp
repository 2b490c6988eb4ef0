// SPDX-License-Identifier: Apache-2.0
// Does a file appear whole or not at all, and is every reason for failing told?
#include "sim/files/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>

#include "models/base/error.h"
#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests
namespace fs = std::filesystem;

TEST_CASE("a durable file has no name that could be foreseen, and its own only when it is placed") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "f") << "old";
  std::set<std::string> names;
  for (int i = 0; i < 4; ++i) {
    DurableFile file(temporary / "f");
    file.stream() << "new" << i << std::flush;
    CHECK(read_text(temporary / "f") != "new" + std::to_string(i));
    for (const auto& entry : fs::directory_iterator(temporary.path())) {
      const std::string name = entry.path().filename().string();
      if (name == "f") continue;
      CHECK(is_temporary_name(name));
      CHECK(names.insert(name).second);
    }
    file.place();
    CHECK(read_text(temporary / "f") == "new" + std::to_string(i));
  }
  CHECK(std::distance(fs::directory_iterator(temporary.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("what a killed program left unfinished goes, what a living one writes stays") {
  const TemporaryDirectory temporary;
  const std::string left = temporary / ".stagecoach-0123456789abcdef01234567.part";
  const std::string alive = temporary / ".stagecoach-0123456789abcdef01234568.part";
  const std::string foreign = temporary / ".stagecoach-notes.part";
  for (const std::string& name : {left, alive, foreign}) std::ofstream(name) << "half a file";
  const int descriptor = ::open(alive.c_str(), O_RDONLY);
  REQUIRE(::flock(descriptor, LOCK_EX | LOCK_NB) == 0);
  write_durably(temporary / "f", "new");
  CHECK_FALSE(fs::exists(left));
  CHECK(fs::exists(alive));
  CHECK(fs::exists(foreign));
  ::close(descriptor);
  remove_abandoned_files(temporary.path().string());
  CHECK_FALSE(fs::exists(alive));
}

TEST_CASE("a file that a link names is not written through the link") {
  const TemporaryDirectory temporary;
  std::ofstream(temporary / "precious") << "mine";
  fs::create_symlink("precious", temporary / "f");
  write_durably(temporary / "f", "new");
  CHECK(read_text(temporary / "precious") == "mine");
  CHECK(read_text(temporary / "f") == "new");
}

TEST_CASE("what cannot be written is told with its label") {
  const TemporaryDirectory temporary;
  CHECK_THROWS_WITH(DurableFile(temporary / "no/f", "--save x"),
                    Catch::Contains("--save x: cannot be written: No such file"));
  fs::create_directories(temporary / "folder/not/empty");
  CHECK_THROWS_WITH(write_durably(temporary / "folder", "text"),
                    Catch::Contains("folder: cannot be written"));
  CHECK(std::distance(fs::directory_iterator(temporary.path()), fs::directory_iterator()) == 1);
}
