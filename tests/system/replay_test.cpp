// SPDX-License-Identifier: Apache-2.0
// Question: does a recorded run of the machine train to the same bits without the machine?
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "paths.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Runs the program in a folder of its own.
class Program {
 public:
  Program()
      : folder_(fs::temp_directory_path() / ("stagecoach_replay_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Program() { fs::remove_all(folder_); }

  struct Outcome {
    int status = 0;
    std::string output;
  };
  Outcome run(const std::string& more) const {
    const std::string root = STAGECOACH_SOURCE_DIR;
    const std::string command =
        std::string(STAGECOACH_PROGRAM) + " --hw " + root + "/hw/small_mesh.json --workload " +
        root + "/workloads/lenet5-glyphs.json --force --out " + path("out") + " " +
        (more.find("--samples") == std::string::npos ? "--samples 200 " : "") +
        "--epochs 2 --set workload/dataset/test_samples=20 " + more + " 2>&1";
    Outcome outcome;
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe);
    char buffer[4096];
    while (std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe))
      outcome.output.append(buffer, n);
    const int raw = ::pclose(pipe);
    outcome.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 1000;
    return outcome;
  }
  void done(const std::string& more) const {
    const Outcome outcome = run(more);
    INFO(more << "\n" << outcome.output);
    REQUIRE(outcome.status == 0);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  json summary() const { return json::parse(read("out/summary.json")); }

 private:
  fs::path folder_;
};

struct Case {
  const char* schedule;
  std::string more;
};

/// Four stages, two on each core.
const std::string kChunks =
    "--set workload/training/batch_size=8 --set hw/mapping=one_core_per_stage "
    "--set hw/cores/0/weight_buffer/capacity_kib=1024 "
    "--set hw/cores/0/activation_buffer/capacity_kib=256 "
    "--set workload/pipeline/partition='{\"cuts\": [\"conv2\", \"fc1\", \"fc2\"]}'";

const Case kCases[] = {
    {"sequential", ""},
    {"fill_drain", "--set workload/training/batch_size=8"},
    {"gpipe", "--set workload/training/batch_size=8 --set workload/training/micro_batch_size=3"},
    {"one_f_one_b_flush", "--set workload/training/batch_size=8"},
    {"zero_bubble", "--set workload/training/batch_size=8"},
    {"pipelined", ""},
    {"pipelined", "--set hw/mapping='{\"kind\": \"balanced\", \"split_forward_backward\": true}'"},
    {"pipelined", "--set workload/training/mitigation/weight_stashing=true"},
    {"pipelined", "--set workload/pipeline/turnaround=1"},
    {"pipelined", "--set workload/pipeline/recompute=all"},
    {"one_f_one_b", ""},
    {"one_f_one_b", "--set workload/pipeline/vertical_sync=true"},
    {"two_buffered_weights", "--set workload/training/batch_size=6"},
    {"hybrid", "--set workload/pipeline/switch_share=0.5"},
    {"interleaved_one_f_one_b", kChunks},
    {"zero_bubble_v", kChunks},
};

TEST_CASE(
    "a replay saves the weights of the recorded run, bit for bit, for every schedule and pacing") {
  const Program program;
  for (const Case& c : kCases) {
    for (const std::string pacing : {"elastic", "lockstep"}) {
      const std::string job = std::string("--set workload/pipeline/schedule=") + c.schedule +
                              " --set workload/pipeline/pacing=" + pacing + " " + c.more + " ";
      program.done(job + "--record-schedule " + program.path("order") + " --save-weights " +
                   program.path("recorded"));
      const json recorded = program.summary();
      program.done(job + "--replay " + program.path("order") + " --save-weights " +
                   program.path("replayed"));
      const json replayed = program.summary();
      INFO(job);
      CHECK((program.read("replayed") == program.read("recorded")));  // bytes: not to be printed
      CHECK(replayed["timing"]["cycles"].is_null());
      CHECK(replayed["training"]["order_hash"] == recorded["training"]["order_hash"]);
      for (std::size_t k = 0; k < recorded["stages"].size(); ++k) {
        CHECK(replayed["stages"][k]["staleness"] == recorded["stages"][k]["staleness"]);
      }
      for (std::size_t e = 0; e < 2; ++e) {
        const json &a = replayed["training"]["epochs"][e], &b = recorded["training"]["epochs"][e];
        CHECK(a["train_loss"] == b["train_loss"]);
        CHECK(a["test_accuracy"] == b["test_accuracy"]);
      }
    }
  }
}

TEST_CASE("chips whose runs have the same order hash train the same weights, and no others") {
  const Program program;
  std::map<std::string, std::set<std::string>> weights_of;
  std::set<std::string> all_weights;
  int chips = 0;
  for (const std::string lanes : {"64", "256"})
    for (const std::string queue : {"1", "4"})
      for (const std::string clock : {"200", "1000"}) {
        program.done("--set hw/cores/0/vector_unit/lanes=" + lanes +
                     " --set hw/input_queue_micro_batches=" + queue +
                     " --set hw/clock_mhz=" + clock + " --save-weights " + program.path("weights"));
        const std::string weights = program.read("weights");
        weights_of[program.summary()["training"]["order_hash"]].insert(weights);
        all_weights.insert(weights);
        ++chips;
      }
  for (const auto& [hash, weights] : weights_of) CHECK(weights.size() == 1);
  CHECK(weights_of.size() == all_weights.size());
  CHECK(weights_of.size() > 1);
  CHECK(static_cast<int>(weights_of.size()) < chips);
}

TEST_CASE("a run that is not complete has no order hash") {
  const Program program;
  CHECK(program.run("--set workload/training/optimizer/reference/learning_rate=1e30").status == 3);
  CHECK(program.summary()["training"]["order_hash"].is_null());
}

TEST_CASE("an order recorded without numbers trains any seed, optimizer and mitigation") {
  const Program program;
  program.done("--timing-only --record-schedule " + program.path("order"));
  // Changes that leave the machine's times alone: the replay is what the machine would have done.
  for (const std::string change :
       {"--seed 9", "--set workload/training/optimizer/reference/learning_rate=0.05",
        "--set workload/training/optimizer/reference/momentum=0.8"}) {
    INFO(change);
    program.done(change + " --save-weights " + program.path("simulated"));
    program.done(change + " --replay " + program.path("order") + " --save-weights " +
                 program.path("replayed"));
    CHECK((program.read("replayed") == program.read("simulated")));
  }
  program.done("--replay " + program.path("order") + " --save-weights " + program.path("plain"));
  program.done("--set workload/training/mitigation/spike_compensation=true --replay " +
               program.path("order") + " --save-weights " + program.path("compensated"));
  CHECK((program.read("plain") != program.read("compensated")));
}

TEST_CASE("a recording is refused where the job is another one") {
  const Program program;
  program.done("--timing-only --record-schedule " + program.path("order"));
  const std::string replay = " --replay " + program.path("order");
  const std::pair<const char*, const char*> others[] = {
      {"--samples 201", "samples_per_epoch: recorded 200, now 201"},
      {"--set workload/training/batch_size=2", "batch_size: recorded 1, now 2"},
      {"--set workload/pipeline/schedule=one_f_one_b", "schedule: recorded"},
      {"--set workload/pipeline/pacing=lockstep", "schedule: recorded"},
      {"--set workload/pipeline/max_in_flight=2", "schedule: recorded"},
      {"--set workload/pipeline/partition='{\"cuts\": [\"conv1\"]}'", "stages: recorded 5, now 2"},
      {"--set workload/pipeline/partition='{\"cuts\": [\"conv1\"]}'",
       "network, layer 1: recorded stage 0 relu [6,28,28] from 1, now stage 1 relu"},
      {"--set hw/clock_mhz=499", "hardware_sha256: recorded"},
      {"--timing-only", "--replay: cannot be combined with --timing-only"},
      {"--functional-only", "--replay: cannot be combined with --functional-only"},
  };
  for (const auto& [change, message] : others) {
    const Program::Outcome outcome = program.run(change + replay);
    INFO(change << "\n" << outcome.output);
    CHECK(outcome.status == 2);
    CHECK(outcome.output.find(message) != std::string::npos);
  }
}

TEST_CASE("a recording that is not whole is refused before any training") {
  const Program program;
  program.done("--timing-only --record-schedule " + program.path("order"));
  const std::string whole = program.read("order");
  // Its last byte, its end, and a chunk.
  for (const std::size_t missing : {1, 3, 20}) {
    std::ofstream(program.path("order"), std::ios::binary)
        << whole.substr(0, whole.size() - missing);
    for (const std::string ask : {"", "--check "}) {
      const Program::Outcome broken = program.run(ask + "--replay " + program.path("order"));
      INFO(broken.output);
      CHECK(broken.status == 2);
      CHECK(broken.output.find("damaged") != std::string::npos);
      CHECK(broken.output.find("epoch 1") == std::string::npos);
    }
  }
}

TEST_CASE("a check looks at the recording, too") {
  const Program program;
  program.done("--timing-only --record-schedule " + program.path("order"));
  const Program::Outcome good = program.run("--check --replay " + program.path("order"));
  CHECK(good.status == 0);
  // 400 samples, 5 stages, forward and backward.
  CHECK(good.output.find("Can be replayed: 4,000 operations") != std::string::npos);
  const Program::Outcome none = program.run("--check --replay " + program.path("nowhere"));
  CHECK(none.status == 2);
  CHECK(none.output.find("nowhere: cannot be read") != std::string::npos);
}

TEST_CASE("a replay asks nothing of hardware that it does not simulate") {
  const Program program;
  const std::string small = "--set hw/cores/0/weight_buffer/capacity_kib=64 ";
  const std::string stash = "--set workload/training/mitigation/weight_stashing=true ";
  program.done(small + "--timing-only --record-schedule " + program.path("order"));
  const Program::Outcome simulated = program.run(small + stash);
  CHECK(simulated.status == 2);  // the stashed weights would need more cores than there are
  CHECK(simulated.output.find("needs") != std::string::npos);
  const Program::Outcome replayed =
      program.run(small + stash + "--replay " + program.path("order"));
  INFO(replayed.output);
  REQUIRE(replayed.status == 0);
  CHECK(replayed.output.find("\nmemory  ") == std::string::npos);
  const json summary = program.summary();
  CHECK(summary["stages"][0]["staleness"]["mean"].is_number());
  for (const json& unknown :
       {summary["area"]["total_mm2"], summary["timing"]["limited_by"],
        summary["timing"]["clock_mhz"], summary["stages"][0]["memory"]["weights_bytes"]}) {
    CHECK(unknown.is_null());
  }
}

TEST_CASE("a run that diverges leaves no recording and says why") {
  const Program program;
  const Program::Outcome outcome = program.run(
      "--set workload/training/optimizer='{\"type\":\"sgd\",\"learning_rate\":1e9}' "
      "--record-schedule " +
      program.path("order"));
  INFO(outcome.output);
  CHECK(outcome.status == 3);
  CHECK(outcome.output.find("--timing-only") != std::string::npos);
  CHECK_FALSE(fs::exists(program.path("order")));
}

}  // namespace
