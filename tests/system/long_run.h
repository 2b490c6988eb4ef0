// SPDX-License-Identifier: Apache-2.0
// A run of the program that a test talks to while it lasts.
#pragma once

#include <fcntl.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "paths.h"
#include "tests/system/program_support.h"

namespace stagecoach::test {

/// A run of many epochs, its output read line by line so that a signal comes when it should.
class LongRun {
 public:
  LongRun(const Program& program, const std::string& more,
          const std::string& epochs = "--epochs 1000000", bool ignore_sigint = false) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const std::string command =
        "exec " + std::string(STAGECOACH_PROGRAM) + " " + arguments(program, epochs) + " " + more;
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::signal(SIGINT, ignore_sigint ? SIG_IGN : SIG_DFL);
      ::signal(SIGTERM, SIG_DFL);
      ::signal(SIGHUP, SIG_DFL);
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::close(ends[0]), ::close(ends[1]);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    output_file_ = ::fdopen(ends[0], "r");
  }
  ~LongRun() {
    std::fclose(output_file_);
    if (!ended_) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
  }
  LongRun(const LongRun&) = delete;
  LongRun& operator=(const LongRun&) = delete;

  /// What every such run is told; `epochs`: "--epochs N".
  static std::string arguments(const Program& program, const std::string& epochs,
                               const std::string& out = "out") {
    // Without a length the caller chooses the data, too.
    const std::string data =
        epochs.empty() ? "" : " --samples 300 --set workload/dataset/test_samples=20 ";
    return Program::files() + data + epochs + " --out " + program.path(out);
  }

  /// Reads until a line holds the words, or to the end.
  void read_until(const std::string& words) {
    char line[4096];
    while (std::fgets(line, sizeof line, output_file_)) {
      output_ += line;
      if (std::string(line).find(words) != std::string::npos) return;
    }
  }
  /// Reads so many further epochs, or to the end.
  void read_epochs(int epochs) {
    char line[4096];
    while (epochs > 0 && std::fgets(line, sizeof line, output_file_)) {
      output_ += line;
      epochs -= std::string(line).rfind("epoch ", 0) == 0;
    }
  }
  void send(int signal) const { REQUIRE(::kill(pid_, signal) == 0); }
  void stop() const {
    send(SIGSTOP);
    REQUIRE(::waitpid(pid_, nullptr, WUNTRACED) == pid_);
  }
  /// Exit status, or 1000 and the signal that ended it.
  int end() {
    read_epochs(2000000);
    int raw = 0;
    REQUIRE(::waitpid(pid_, &raw, 0) == pid_);
    ended_ = true;
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : 1000 + WTERMSIG(raw);
  }
  const std::string& output() const { return output_; }

 private:
  pid_t pid_ = -1;
  FILE* output_file_ = nullptr;
  std::string output_;
  bool ended_ = false;
};

}  // namespace stagecoach::test
