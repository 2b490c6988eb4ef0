// SPDX-License-Identifier: Apache-2.0
// Is what was there before safe until the new file is complete, and is a link followed?
#include "sim/files/pending_file.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests
namespace fs = std::filesystem;

namespace {

void complete(const std::string& path, const std::string& text, bool replace = true) {
  PendingFile file("--save", path, replace);
  file.stream() << text;
  file.commit();
}

}  // namespace

TEST_CASE("a file gets its name when it is complete, and the old one stays until then") {
  const TemporaryDirectory temporary;
  complete(temporary / "f", "old");
  {
    PendingFile file("--save", temporary / "f", true);
    file.stream() << "half" << std::flush;
    CHECK(read_text(temporary / "f") == "old");
  }
  CHECK(read_text(temporary / "f") == "old");
  complete(temporary / "f", "new");
  CHECK(read_text(temporary / "f") == "new");
  CHECK(std::distance(fs::directory_iterator(temporary.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a file that is there needs the word to replace it") {
  const TemporaryDirectory temporary;
  complete(temporary / "f", "old");
  CHECK_THROWS_WITH(PendingFile("--save", temporary / "f", false),
                    Catch::Contains("there is a file of this name") && Catch::Contains("--force"));
  complete(temporary / "g", "new", false);
  CHECK(read_text(temporary / "g") == "new");
}

TEST_CASE("a user's own files with names like ours are safe") {
  const TemporaryDirectory temporary;
  fs::create_symlink("precious", temporary / "f.part");
  std::ofstream(temporary / "precious") << "mine";
  complete(temporary / "f", "new");
  CHECK(read_text(temporary / "precious") == "mine");
  CHECK(fs::is_symlink(temporary / "f.part"));
}

TEST_CASE("a symbolic link stays, and its target is replaced or made") {
  const TemporaryDirectory temporary;
  fs::create_directories(temporary / "elsewhere");
  fs::create_symlink("elsewhere/target", temporary / "link");
  fs::create_symlink("link", temporary / "chain");
  complete(temporary / "chain", "made");
  CHECK(read_text(temporary / "elsewhere/target") == "made");
  complete(temporary / "link", "replaced");
  CHECK(read_text(temporary / "elsewhere/target") == "replaced");
  CHECK(fs::is_symlink(temporary / "link"));
  CHECK(fs::is_symlink(temporary / "chain"));
}

TEST_CASE("what cannot become a file is told at once, with the option's name") {
  const TemporaryDirectory temporary;
  fs::create_symlink("loop", temporary / "loop");
  const auto refused = [](const std::string& path, const std::string& why) {
    CHECK_THROWS_WITH(PendingFile("--save", path, true),
                      Catch::Contains("--save " + path) && Catch::Contains(why));
    CHECK_THROWS_AS(PendingFile("--save", path, true), UserError);
  };
  refused(temporary / "no/where", "cannot be written: No such file or directory");
  refused(temporary.path().string(), "found a folder or a device");
  refused("/dev/null", "found a folder or a device");
  refused(temporary / "loop", "cannot be written: Too many levels of symbolic links");
}
