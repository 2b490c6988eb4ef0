// SPDX-License-Identifier: Apache-2.0
// Question: what does `pipeline.recompute` change in a run, and what does it leave alone? Delays
// stay; backwards are longer by their forward; activations are inputs, and one set made again; the
// weights are those of the run without a clock.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Program;
using test::refused;

const std::string kAll = " --set workload/pipeline/recompute=all ";

std::string schedule(const std::string& name, const std::string& pacing) {
  const bool batches = name != "pipelined" && name != "one_f_one_b";
  return " --set workload/pipeline/schedule=" + name + " --set workload/pipeline/pacing=" + pacing +
         (name == "hybrid" ? " --set workload/pipeline/switch_share=0.5" : "") +
         (batches ? " --set workload/training/batch_size=4" : "");
}

const char* const kSchedules[] = {"sequential",           "fill_drain", "gpipe",
                                  "one_f_one_b_flush",    "pipelined",  "one_f_one_b",
                                  "two_buffered_weights", "hybrid",     "zero_bubble"};

/// LeNet-5, 60 samples once.
std::string job_of(const Program& program, const std::string& arguments) {
  return Program::files() + " --samples 60 --epochs 1 --force --out " + program.path("out") + " " +
         arguments;
}

void done(const Program& program, const std::string& arguments) {
  const Outcome outcome = program(job_of(program, arguments + " --quiet"));
  INFO(arguments << "\n" << outcome.output);
  REQUIRE(outcome.status == 0);
}

json stages(const Program& program, const std::string& arguments) {
  done(program, "--timing-only" + arguments);
  return program.summary()["stages"];
}

TEST_CASE("recompute, every schedule in lockstep: the same delays, longer backwards, inputs kept") {
  const Program program;
  for (const std::string name : kSchedules) {
    CAPTURE(name);
    const std::string job =
        schedule(name, "lockstep") + " --set workload/training/micro_batch_size=1";
    const json plain = stages(program, job), again = stages(program, job + kAll);
    const json prices = json::parse(program.run(job + " --check --json").output)["stages"];
    for (std::size_t k = 0; k < plain.size(); ++k) {
      CAPTURE(k);
      CHECK(again[k]["staleness"] == plain[k]["staleness"]);
      CHECK(plain[k]["recompute"]["cycles"].is_null());
      const auto forward = prices[k]["cycles"]["forward"].get<std::int64_t>();
      const auto cycles = again[k]["recompute"]["cycles"].get<std::int64_t>();
      // The last stage's forward includes the loss, which is not measured again.
      if (k + 1 < plain.size())
        CHECK(cycles == 60 * forward);
      else
        CHECK((cycles > 0 && cycles < 60 * forward));
      const json &before = plain[k]["memory"], &now = again[k]["memory"];
      CHECK(now["weights_bytes"] == before["weights_bytes"]);
      CHECK(now["stashed_weights_bytes"] == before["stashed_weights_bytes"]);
      CHECK(now["gradients_peak_bytes"] == before["gradients_peak_bytes"]);
    }
  }
}

TEST_CASE("recompute: pipelined holds 2(S-1-k)+1 images and one set of signs and maxima") {
  const Program program;
  const json first = stages(program, schedule("pipelined", "lockstep") + kAll)[0];
  const int signs = (4704 + 2 * 1176 + 7) / 8;
  CHECK(first["memory"]["activations_peak_bytes"] == 9 * 784 * 4 + signs);
  CHECK(first["recompute"]["peak_bytes"] == signs);
  // --check says the same beforehand.
  const json check =
      json::parse(program.run("--check --json" + schedule("pipelined", "lockstep") + kAll).output);
  CHECK(check["stages"][0]["activations_bytes"] == 9 * 784 * 4 + signs);
}

TEST_CASE("recompute: the energy and MACs of a run are those of its longer backwards") {
  const Program program;
  const auto run = [&](const std::string& more) {
    done(program, "--timing-only" + more);
    return program.summary();
  };
  const json plain = run(""), again = run(kAll);
  CHECK(again["timing"]["cycles"] > plain["timing"]["cycles"]);
  CHECK(again["energy"]["total_joules"] > plain["energy"]["total_joules"]);
  const auto macs = [](const json& s) {
    return s["energy"]["parts"]["macs"].is_null() ? 0.0
                                                  : s["energy"]["parts"]["macs"].get<double>();
  };
  CHECK(macs(again) > 1.25 * macs(plain));
}

std::string recomputed_weights(const Program& program, const std::string& arguments) {
  done(program, "--save-weights " + program.path("w") + arguments);
  return program.read("w");
}

TEST_CASE("recompute, every schedule: with the forward's weights the same bits, else a note") {
  const Program program;
  for (const std::string name : kSchedules) {
    for (const std::string pacing : {"lockstep", "elastic"}) {
      CAPTURE(name, pacing);
      const std::string job = schedule(name, pacing);
      const bool newer = name == "pipelined" || name == "hybrid";
      // Elastic, a longer backward may change who meets which weights.
      const bool same_order = !newer && (pacing == "lockstep" || name != "one_f_one_b");
      const std::string plain = recomputed_weights(program, job);
      const bool same = recomputed_weights(program, job + kAll) == plain;
      if (newer || same_order) CHECK(same == same_order);
      const Outcome loud = program(job_of(program, job + kAll));
      CHECK((loud.output.find("newer weights than the first") != std::string::npos) == newer);
    }
  }
  const std::string stashed = schedule("pipelined", "lockstep") +
                              " --set workload/training/mitigation/weight_stashing=true";
  CHECK((recomputed_weights(program, stashed + kAll) == recomputed_weights(program, stashed)));
}

TEST_CASE("recompute: with a clock or without, with one thread or two, the same weights") {
  const Program program;
  const std::string job = schedule("pipelined", "lockstep") + kAll;
  const std::string clocked = recomputed_weights(program, job);
  CHECK((recomputed_weights(program, job + " --functional-only --threads 2") == clocked));
  CHECK((recomputed_weights(program, job + " --functional-only --threads 1") == clocked));
}

TEST_CASE("recompute: a stage that is not there, or not yet, is refused") {
  const Program program;
  refused(program.run("--set workload/pipeline/recompute='[\"conv3\"]'"),
          {"workload/pipeline/recompute", "found \"conv3\"", "did you mean \"conv"});
  refused(program.run("--set workload/pipeline/recompute='[\"conv1\"]' --set "
                      "workload/pipeline/partition='{\"balanced\": 2}'"),
          {"workload/pipeline/recompute", "have no names before they are cut"});
  refused(program.run("--set workload/pipeline/recompute=al"), {"did you mean \"all\""});
  done(program, "--timing-only --set workload/pipeline/partition='{\"balanced\": 2}'" + kAll);
  for (const json& stage : program.summary()["stages"])
    CHECK(stage["recompute"]["cycles"].get<std::int64_t>() > 0);
}

}  // namespace
}  // namespace stagecoach
