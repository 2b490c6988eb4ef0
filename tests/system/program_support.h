// SPDX-License-Identifier: Apache-2.0
// Runs the program as its user does, in a folder of the test's own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "paths.h"
#include "sim/files/durable_file.h"

namespace stagecoach::test {

struct Outcome {
  int status = -1;
  std::string output;  ///< stdout and stderr
};

/// A scratch folder that goes with the test.
class Program {
 public:
  Program()
      : folder_(std::filesystem::temp_directory_path() /
                ("stagecoach_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);  // of a test of this number that was killed
    std::filesystem::create_directories(folder_);
  }
  ~Program() { std::filesystem::remove_all(folder_); }

  Outcome operator()(const std::string& arguments) const {
    return shell(std::string(STAGECOACH_PROGRAM) + " " + arguments);
  }

  /// A line of shell; `&&` and `;` are allowed.
  static Outcome shell(const std::string& line) {
    const std::string command = "{ " + line + "; } 2>&1";
    Outcome outcome;
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe);
    char buffer[4096];
    while (std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe))
      outcome.output.append(buffer, n);
    const int raw = ::pclose(pipe);
    outcome.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 1000 + WTERMSIG(raw);
    return outcome;
  }

  /// The short job that most tests run, with more arguments.
  Outcome run(const std::string& more) const {
    const std::string epochs = more.find("--epochs") == std::string::npos ? " --epochs 1" : "";
    return (*this)(files() + " --samples 300" + epochs + " --quiet --out " + path("out") + " " +
                   more);
  }
  static std::string files() {
    const std::string root = STAGECOACH_SOURCE_DIR;
    return "--hw " + root + "/hw/small_mesh.json --workload " + root +
           "/workloads/lenet5-glyphs.json";
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  nlohmann::json summary(const std::string& folder = "out") const {
    return nlohmann::json::parse(read(folder + "/summary.json"));
  }

 private:
  std::filesystem::path folder_;
};

/// Whether a file that was not completed is left somewhere below the folder.
inline bool has_temporary_files(const std::string& folder) {
  const std::filesystem::recursive_directory_iterator files(folder);
  return std::any_of(begin(files), end(files), [](const std::filesystem::directory_entry& file) {
    return is_temporary_name(file.path().filename().string());
  });
}

inline void refused(const Outcome& outcome, const std::vector<std::string>& words) {
  INFO(outcome.output);
  CHECK(outcome.status == 2);
  for (const std::string& word : words) CHECK(outcome.output.find(word) != std::string::npos);
}

}  // namespace stagecoach::test
