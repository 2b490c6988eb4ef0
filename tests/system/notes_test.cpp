// SPDX-License-Identifier: Apache-2.0
// Question: is a setting that does nothing in a run told, only then, and is that true?
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using test::Outcome;
using test::Program;

/// The text after "note: " of the field, "" if there is no such note.
std::string note_about(const Outcome& outcome, const std::string& field) {
  const std::size_t at = outcome.output.find(field + ": ");
  const std::size_t line = outcome.output.rfind("\n", at) + 1;
  if (at == std::string::npos || outcome.output.compare(line, 6, "note: ") != 0) return "";
  return outcome.output.substr(at, outcome.output.find('\n', at) - at);
}

/// A short run with its log lines; its weights go to the file "w".
Outcome run(const Program& program, const std::string& more) {
  const Outcome outcome = program(Program::files() + " --samples 100 --epochs 1 --force --out " +
                                  program.path("out") + " " + more);
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  return outcome;
}

std::string weights(const Program& program, const std::string& more) {
  run(program, more + " --save-weights " + program.path("w"));
  return program.read("w");
}

const std::string kMitigation = "--set workload/training/mitigation/";

TEST_CASE("what acts on stale weights is told where none are stale, and changes none") {
  const Program program;
  for (const std::string schedule : {"gpipe", "sequential"}) {
    const std::string job =
        "--set workload/training/batch_size=4 --set workload/pipeline/schedule=" + schedule + " ";
    const std::string plain = weights(program, job);
    for (const std::string setting :
         {"weight_stashing=true", "spike_compensation=true", "weight_prediction=velocity",
          "weight_prediction=weight_difference", "pipemare_learning_rate=true",
          "pipemare_discrepancy_correction=true"}) {
      CAPTURE(schedule, setting);
      const std::string field = setting.substr(0, setting.find('='));
      CHECK(note_about(run(program, job + kMitigation + setting), field)
                .find("changes no weights, because every stage's delay is 0") != std::string::npos);
      CHECK((weights(program, job + kMitigation + setting) == plain));
    }
    CHECK(run(program, job).output.find("note: ") == std::string::npos);
  }
}

TEST_CASE("a norm over one value is told before the run, and only then") {
  const Program program;
  /// A network on 2x2 maps, or on one pixel, with this norm; its notes.
  const auto notes = [&](const std::string& norm, bool one_pixel, const std::string& more = "",
                         const std::string& channels = "4") {
    const std::string layers =
        R"([{"type":"max_pool2d","kernel":14},{"type":"conv2d","out_channels":)" + channels +
        R"(,"kernel":)" + std::string(one_pixel ? "2" : "1") + R"(},{"name":"norm",)" + norm +
        R"(},{"type":"flatten"},{"type":"linear","out_features":10}])";
    const std::string hw = STAGECOACH_SOURCE_DIR "/hw/ideal.json";
    program.write("w.json",
                  R"({"dataset":{"format":"glyphs"},"network":{"input":[1,28,28],"layers":)" +
                      layers + R"(},"training":{"optimizer":{"learning_rate":0.01}}})");
    const Outcome outcome =
        program("--hw " + hw + " --workload " + program.path("w.json") +
                " --samples 9 --epochs 1 --force --out " + program.path("out") + " " + more);
    INFO(outcome.output);
    REQUIRE(outcome.status == 0);
    return outcome.output;
  };
  const auto told = [](const std::string& output, const std::string& words) {
    return output.find("layer \"norm\"") != std::string::npos &&
           output.find(words) != std::string::npos;
  };
  const std::string bias = "the output is the layer's bias";
  const std::string batch = "--set workload/training/batch_size=";
  CHECK(told(notes(R"("type":"group_norm","groups":4)", true), bias));
  CHECK(told(notes(R"("type":"batch_norm2d")", true), bias));
  CHECK(told(notes(R"("type":"batch_norm2d")", true, batch + "4"),
             "this holds for the last micro-batch of a mini-batch or an epoch"));  // 9 = 4 + 4 + 1
  CHECK(told(
      notes(R"("type":"batch_norm2d")", true, batch + "3 --set workload/pipeline/schedule=gpipe"),
      bias));  // micro-batches of one
  CHECK(told(notes(R"("type":"filter_response_norm")", true), "its sign is left"));
  CHECK(told(notes(R"("type":"layer_norm")", true, "", "1"), "leave the norm out here"));
  CHECK(!told(notes(R"("type":"layer_norm")", true, "", "1"), "groups"));
  CHECK(told(notes(R"("type":"online_norm")", true, "", "1"), "a sign is left"));
  for (const std::string& output :
       {notes(R"("type":"group_norm","groups":4)", false), notes(R"("type":"batch_norm2d")", false),
        notes(R"("type":"group_norm","groups":2)", true), notes(R"("type":"layer_norm")", true),
        notes(R"("type":"online_norm")", true),
        notes(R"("type":"batch_norm2d")", true, batch + "3")}) {
    CHECK(output.find("layer \"norm\"") == std::string::npos);
  }
}

TEST_CASE("where weights are stale nothing is told") {
  const Program program;
  for (const std::string& job :
       {kMitigation + "weight_prediction=velocity " + kMitigation + "spike_compensation=true",
        kMitigation + "weight_stashing=true",
        std::string("--set workload/pipeline/schedule=one_f_one_b"),
        // One stage: stale nowhere, but nobody asked for one_f_one_b's stash.
        std::string("--set workload/pipeline/schedule=one_f_one_b --set "
                    "workload/pipeline/partition='{\"cuts\": []}'")}) {
    CHECK(run(program, job).output.find("note: ") == std::string::npos);
  }
}

TEST_CASE("spike compensation without momentum is told, and changes nothing") {
  const Program program;
  const std::string job = "--set workload/training/optimizer='{\"learning_rate\": 0.01}' ";
  const std::string compensated = job + kMitigation + "spike_compensation=true";
  CHECK(note_about(run(program, compensated), "spike_compensation")
            .find("changes no weights without momentum") != std::string::npos);
  CHECK((weights(program, compensated) == weights(program, job)));
}

TEST_CASE("a warm-up that outlasts the run is told") {
  const Program program;
  const std::string job =
      "--set workload/training/optimizer/learning_rate_schedule='{\"type\": \"constant\", "
      "\"warmup_epochs\": ";
  CHECK(note_about(run(program, job + "2}'"), "warmup_epochs")
            .find("longer than the run's 1 epoch") != std::string::npos);
  CHECK(run(program, job + "1}'").output.find("note: ") == std::string::npos);
}

TEST_CASE("a step of the learning rate at the end of the run or later is told") {
  const Program program;
  const auto with = [](const std::string& schedule) {
    return "--set workload/training/optimizer/learning_rate_schedule='" + schedule + "'";
  };
  const std::string plain = weights(program, with(R"({"type": "constant"})"));
  const std::string step = R"({"type": "step", "factor": 0.1, "step_epochs": )";
  const std::string milestones = R"({"type": "multistep", "factor": 0.1, "milestones": [)";
  for (const std::string& late : {with(step + "1}"), with(milestones + "1, 7]}")}) {
    CAPTURE(late);
    const std::string field =
        late.find("step_epochs") != std::string::npos ? "step_epochs" : "milestones";
    CHECK(note_about(run(program, late), field).find("at the end of the run's 1 epoch or later") !=
          std::string::npos);
    CHECK((weights(program, late) == plain));
    CHECK(run(program, late + " --timing-only").output.find("note: ") == std::string::npos);
  }
  // On the last of the 100 updates.
  for (const std::string& early : {with(step + "0.99}"), with(milestones + "0.5, 0.99]}")}) {
    CAPTURE(early);
    CHECK(run(program, early).output.find("note: ") == std::string::npos);
    CHECK_FALSE((weights(program, early) == plain));
  }
}

TEST_CASE("a target without numbers is told, in --check as well, and --quiet is quiet") {
  const Program program;
  const std::string job = "--timing-only --set workload/training/target_accuracy=0.5";
  CHECK(note_about(run(program, job), "target_accuracy").find("--timing-only") !=
        std::string::npos);
  CHECK(
      run(program, job + " --check").output.find("Note: --set workload/training/target_accuracy") !=
      std::string::npos);
  CHECK(run(program, job + " --quiet").output.find("note: ") == std::string::npos);
}

TEST_CASE("more samples than the data set has are told") {
  const Program program;
  program.write("images", std::string("\0\0\x08\x03\0\0\0\x0a\0\0\0\x1c\0\0\0\x1c", 16) +
                              std::string(7840, '\1'));
  program.write("labels", std::string("\0\0\x08\x01\0\0\0\x0a", 8) +
                              std::string("\0\1\2\3\4\5\6\7\x08\x09", 10));
  const std::string job =
      "--set "
      "workload/dataset='{\"format\":\"idx\",\"train_samples\":100,\"train_images\":\"images\","
      "\"train_labels\":\"labels\",\"test_images\":\"images\",\"test_labels\":\"labels\"}' "
      "--data " +
      program.path("");
  const Outcome outcome =
      program(Program::files() + " --epochs 1 --out " + program.path("out") + " " + job);
  CHECK(note_about(outcome, "train_samples").find("found 100; the data set holds 10, and all") !=
        std::string::npos);
  CHECK(program.summary()["training"]["samples"] == 10);
}

}  // namespace
}  // namespace stagecoach
