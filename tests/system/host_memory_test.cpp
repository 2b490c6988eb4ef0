// SPDX-License-Identifier: Apache-2.0
// Question: is the memory that a run reports its own, whoever started it?
#include <sys/mman.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>

#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using test::Program;

/// Runs the program from this process by fork and exec, as a shell does not: it holds little.
int run_from_here(const Program& program) {
  const std::string command = "exec " + std::string(STAGECOACH_PROGRAM) + " " + Program::files() +
                              " --samples 50 --epochs 1 --timing-only --quiet --force --out " +
                              program.path("out") + " >/dev/null";
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("peak_rss_bytes is the program's own and not that of the process that started it") {
  const Program program;
  REQUIRE(run_from_here(program) == 0);
  const auto alone = program.summary()["host"]["peak_rss_bytes"].get<std::int64_t>();
  CHECK(alone > 1 << 20);
  constexpr std::size_t kHeld = std::size_t{400} << 20;
  void* held = ::mmap(nullptr, kHeld, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  REQUIRE(held != MAP_FAILED);
  REQUIRE(run_from_here(program) == 0);
  ::munmap(held, kHeld);
  const auto child = program.summary()["host"]["peak_rss_bytes"].get<std::int64_t>();
  CHECK(child < static_cast<std::int64_t>(kHeld) / 2);
}

}  // namespace
}  // namespace stagecoach
