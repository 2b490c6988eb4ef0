// SPDX-License-Identifier: Apache-2.0
// What a person reads at the end of a run.
#include "sim/stats/terminal_summary.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "sim/stats/number_text.h"
#include "sim/stats/summary.h"
#include "tests/sim/support/example_run.h"

using namespace stagecoach;  // NOLINT: tests

namespace {

std::string text_of(const ExampleRun& run) {
  return terminal_summary(make_summary(run.result), "out", {"summary.json"});
}

std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

/// Wrapped lines joined again.
std::string on_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

TEST_CASE("a stage's row shows its time, staleness and memory") {
  const ExampleRun run;
  const std::string row = line_with(text_of(run), "FBBB");
  INFO(text_of(run));
  // Shares of 30 40 10 5 4 6 3 2 % end at 6, 14, 16, 17, 17.8, 19, 19.6 and 20 of 20 letters.
  CHECK(row.find("FFFFFFBBBBBBBBUUiomn ") != std::string::npos);
  CHECK(row.find("80.0") != std::string::npos);
  CHECK(row.find("18.0 memory") != std::string::npos);
  CHECK(line_with(text_of(run), "317 B").find("1.70") != std::string::npos);
  CHECK(line_with(text_of(run), "317 B").find("1000 B") != std::string::npos);
  CHECK(line_with(text_of(run), "no limit").find("fc2") != std::string::npos);
}

TEST_CASE("the text names epochs, totals and the place of the files") {
  const ExampleRun run;
  const std::string text = text_of(run);
  CHECK(line_with(text, "0.5000").find("81.2") != std::string::npos);
  CHECK(line_with(text, "cycles =").find("1,000 cycles = 2 us at 500 MHz") != std::string::npos);
  CHECK(line_with(text, "energy  ").find("1 J, 100 mJ per sample") != std::string::npos);
  CHECK(line_with(text, "busiest").find("stage 0 (fc1), 80.0 %") != std::string::npos);
  CHECK(on_one_line(text).find("with the constants' uncertainty 500 mJ to 2 J") !=
        std::string::npos);
  CHECK(line_with(text, "area").find("4 mm2") != std::string::npos);
  CHECK(line_with(text, "results").find("out: summary.json") != std::string::npos);
  CHECK(text.find("DIVERGED") == std::string::npos);
}

TEST_CASE("the text says what limits the rate, and how sure the area is") {
  ExampleRun run;
  CHECK(text_of(run).find("limited by") == std::string::npos);
  run.result.limited_by = "link fc1 -> fc2";
  run.result.limit_cycles_per_micro_batch = 41.5;
  run.result.area = BandedSum{{{"macs", 4, 3, 6}}};
  CHECK(line_with(text_of(run), "limited by")
            .find("link fc1 -> fc2: at best 41.5 cycles per micro-batch") != std::string::npos);
  CHECK(
      line_with(text_of(run), "area  ").find("4 mm2; with the constants' uncertainty 3 to 6 mm2") !=
      std::string::npos);
}

TEST_CASE("what spills is told as traffic to DRAM, and a steady state only where there is one") {
  ExampleRun run;
  OrderedJson summary = make_summary(run.result);
  const auto text = [&] { return on_one_line(terminal_summary(summary, "out", {})); };
  for (OrderedJson& stage : summary["stages"]) stage["memory"]["spilled_bytes"] = nullptr;
  summary["utilization"]["steady_mean"] = nullptr;
  CHECK(text().find("DRAM") == std::string::npos);
  CHECK(text().find("of stages' time; MAC units") != std::string::npos);
  summary["stages"][0]["memory"]["spilled_bytes"] = 3072;
  summary["utilization"]["steady_mean"] = 0.5;
  CHECK(text().find("to and from the host, 3.0 KiB to and from DRAM") != std::string::npos);
  CHECK(text().find("in its buffers and in DRAM.") != std::string::npos);
  CHECK(text().find("of stages' time, steady state 50.0 %; MAC units") != std::string::npos);
}

TEST_CASE("no line is wider than 80 columns, whatever the numbers and names") {
  ExampleRun run;
  run.result.limited_by = "core4-10 (12 stages from block1_1_conv1 to block3_3_conv2)";
  run.result.limit_cycles_per_micro_batch = 72912171.7;
  run.result.area = BandedSum{{{"macs", 7781.2, 3891.4, 11670.1}}};
  run.result.energy = BandedSum{{{"macs", 123456.7, 61728.4, 246913.4}}};
  for (StageStatistics& stage : run.statistics.stages)
    stage.cycles[CycleKind::forward] = Cycles(437487236398);
  for (StageSpec& stage : run.partition) stage.name = "block2_1_shortcut";
  const std::string text = text_of(run);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 80);
  }
  CHECK(
      line_with(text, "area ").find("7,781 mm2; with the constants' uncertainty 3,891 to 11,670") !=
      std::string::npos);
}

TEST_CASE("a target is told with when it was reached, or that it was not") {
  ExampleRun run;
  CHECK(text_of(run).find("target") == std::string::npos);
  run.result.target_accuracy = 0.8;
  CHECK(line_with(text_of(run), "target ")
            .find("80.0 % reached with epoch 2 (81.2 %) after 2 us and 1 J") != std::string::npos);
  run.result.target_accuracy = 0.99;
  CHECK(line_with(text_of(run), "target ").find("99.0 % was not reached") != std::string::npos);
  run.result.training = nullptr;
  CHECK(text_of(run).find("target") == std::string::npos);
}

TEST_CASE("a divergence is told with its place") {
  ExampleRun run;
  const auto told = [&run](const Divergence& divergence, const std::string& words) {
    run.training.divergence = divergence;
    std::string text = text_of(run);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text.find("DIVERGED: the " + words) != std::string::npos;
  };
  CHECK(told({1, 3, 0, "fc1", 13},
             "loss of sample 3 of epoch 2 is not finite (first in fc1, weight version 13)."));
  const std::int64_t none = Divergence::kNoSample;
  CHECK(told({1, none, 0, "fc1", 13, DivergedValue::weights},
             "weights of fc1 at the end of epoch 2 are not finite (weight version 13)."));
  CHECK(told({0, none, 0, "loss", 5, DivergedValue::test_loss},
             "test loss after epoch 1 is not finite (weight version 5)."));
}

TEST_CASE("an interruption is told with the samples until then") {
  ExampleRun run;
  CHECK(text_of(run).find("INTERRUPTED") == std::string::npos);
  run.result.interrupted = true;
  CHECK(text_of(run).find("INTERRUPTED by a signal after 10 samples") != std::string::npos);
}

TEST_CASE("a run without a clock and one without numbers have dashes, not zeros") {
  ExampleRun run;
  run.result.statistics = nullptr;
  run.result.energy.reset();
  CHECK(text_of(run).find("no clock in this run") != std::string::npos);
  CHECK(text_of(run).find("energy  ") == std::string::npos);
  CHECK(line_with(text_of(run), "memory   ") == "memory        weights 92 B");
  run.result.plan = nullptr;
  CHECK(text_of(run).find("\nmemory  ") == std::string::npos);
  ExampleRun timing;
  timing.result.training = nullptr;
  CHECK(line_with(text_of(timing), "520").find("-") != std::string::npos);
}

TEST_CASE("numbers are written for reading") {
  CHECK(with_separators(0) == "0");
  CHECK(with_separators(999) == "999");
  CHECK(with_separators(1000) == "1,000");
  CHECK(with_separators(-1234567) == "-1,234,567");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(3.0 * 1024 * 1024 * 1024) == "3.0 GiB");
  CHECK(with_si_prefix(0.00123, "J") == "1.23 mJ");
  CHECK(with_si_prefix(0, "J") == "0 J");
  CHECK(with_si_prefix(4.5e-15, "J") == "0.0045 pJ");
  CHECK(with_si_prefix(1500, "s") == "1,500 s");
}
