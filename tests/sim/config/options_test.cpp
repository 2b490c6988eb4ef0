// SPDX-License-Identifier: Apache-2.0
// Question: does the command line mean what the help page says, and is nothing guessed?
#include "sim/config/options.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "models/base/error.h"
#include "sim/config/option_table.h"

using namespace stagecoach;
using Catch::Matchers::Contains;

namespace {

Options parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "stagecoach");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options parse_run(std::vector<const char*> arguments) {
  arguments.insert(arguments.end(), {"--hw", "h.json", "--workload", "w.json"});
  return parse(arguments);
}

/// The error's text; fails if there is none.
std::string error_of(std::vector<const char*> arguments, bool with_files = true) {
  try {
    with_files ? parse_run(arguments) : parse(arguments);
  } catch (const UserError& error) {
    return error.what();
  }
  FAIL_CHECK("no error");
  return "";
}

}  // namespace

TEST_CASE("Every option reaches its field") {
  const Options o = parse_run({"--data",
                               "d",
                               "--set",
                               "hw/a=1",
                               "--set=workload/b=2",
                               "--samples",
                               "3",
                               "--epochs=4",
                               "--seed",
                               "0",
                               "--threads",
                               "2",
                               "--precision",
                               "f64",
                               "--instruction-set",
                               "avx2",
                               "--init-weights",
                               "i",
                               "--save-weights",
                               "s",
                               "--out",
                               "o",
                               "--force",
                               "--trace",
                               "--vcd",
                               "--trace-from",
                               "5",
                               "--trace-samples",
                               "6",
                               "--checkpoint-every",
                               "0.25",
                               "--resume",
                               "--quiet"});
  CHECK(o.checkpoint_minutes == std::optional<double>(0.25));
  CHECK(o.resume);
  CHECK(o.ask == Ask::run);
  CHECK(o.hardware_file == "h.json");
  CHECK(o.workload_file == "w.json");
  CHECK(o.data_dir == "d");
  CHECK(o.sets == std::vector<std::string>{"hw/a=1", "workload/b=2"});
  CHECK(o.samples == std::optional<std::int64_t>(3));
  CHECK(o.epochs == std::optional<std::int64_t>(4));
  CHECK(o.seed == std::optional<std::int64_t>(0));
  CHECK(o.threads == 2);
  CHECK(o.precision == Precision::f64);
  CHECK(o.instruction_set == "avx2");
  CHECK(o.init_weights_file == "i");
  CHECK(o.save_weights_file == "s");
  CHECK(o.out_dir == "o");
  CHECK(o.force);
  CHECK(o.trace);
  CHECK(o.vcd);
  CHECK(o.trace_from == 5);
  CHECK(o.trace_samples == std::optional<std::int64_t>(6));
  CHECK(o.quiet);
  CHECK(parse_run({"--timing-only"}).timing_only);
  CHECK(parse_run({"--functional-only"}).functional_only);
}

TEST_CASE("Without options the documented defaults hold") {
  const Options o = parse_run({});
  CHECK(o.out_dir == "out");
  CHECK(o.threads == 0);
  CHECK(o.instruction_set == "auto");
  CHECK(o.precision == Precision::f32);
  CHECK_FALSE(o.samples);
  CHECK_FALSE(o.trace);
  CHECK_FALSE(o.vcd);
  CHECK_FALSE(o.force);
  CHECK_FALSE(o.checkpoint_minutes);
  CHECK_FALSE(o.resume);
}

TEST_CASE("Questions are told apart and only some need files") {
  CHECK(parse_run({"--check"}).ask == Ask::check);
  CHECK_FALSE(parse_run({"--check"}).json);
  CHECK(parse_run({"--check", "--json"}).json);
  CHECK(parse_run({"--trace", "--trace-format", "perfetto"}).perfetto);
  CHECK_FALSE(parse_run({"--trace", "--trace-format=chrome"}).perfetto);
  CHECK_THAT(error_of({"--trace", "--trace-format", "json"}),
             Contains("allowed: one of \"chrome\", \"perfetto\""));
  CHECK(parse_run({"--print-config"}).ask == Ask::print_config);
  CHECK(parse({"--list-stats"}).ask == Ask::list_stats);
  CHECK(parse({"--list-stats"}).search_word == "");
  CHECK(parse({"--list-stats", "peak"}).search_word == "peak");
  CHECK(parse({"--list-stats=peak"}).search_word == "peak");
  CHECK(parse_run({"--list-stats"}).search_word == "");  // followed by an option
  CHECK(parse({"--help"}).ask == Ask::help);
  CHECK(parse({"-h"}).ask == Ask::help);
  CHECK(parse({"--version"}).ask == Ask::version);
  CHECK(parse({"--print-fields", "hw"}).subject == Subject::hardware);
  CHECK(parse({"--print-fields", "hw"}).ask == Ask::print_fields);
  CHECK(parse({"--print-schema=workload"}).subject == Subject::workload);
  CHECK(parse({"--print-schema=workload"}).ask == Ask::print_schema);
  CHECK_THAT(error_of({"--check"}, false),
             Contains("--hw: is missing") && Contains("--workload: is missing"));
  CHECK_THAT(error_of({}, false), Contains("--hw: is missing"));
  CHECK_THAT(error_of({"--help", "--version"}), Contains("one question at a time"));
  CHECK_THAT(error_of({"--print-fields", "hardware"}), Contains("allowed: one of \"hw\""));
}

TEST_CASE("Unknown options get the nearest name and nothing is abbreviated") {
  CHECK_THAT(error_of({"--epoch", "3"}),
             Contains("--epoch: unknown option; did you mean \"--epochs\"?"));
  CHECK_THAT(error_of({"--timing_only"}), Contains("did you mean \"--timing-only\"?"));
  CHECK_THAT(error_of({"--thr=3"}), Contains("--thr: unknown option"));
  CHECK_THAT(error_of({"--zebra"}), Contains("--zebra: unknown option\ntry --help"));
  CHECK_THAT(error_of({"x.json"}), Contains("x.json: unexpected argument"));
  CHECK_THAT(error_of({"-o", "x"}), Contains("-o: unexpected argument"));
}

TEST_CASE("An option is never taken as the value of the one before it") {
  for (const char* option :
       {"--data", "--out", "--samples", "--set", "--init-weights", "--replay"}) {
    CAPTURE(option);
    CHECK_THAT(error_of({option, "--check"}),
               Contains(std::string(option) + ": found \"--check\", which begins as an option"));
    const std::string joined = std::string(option) + "=--check";
    CHECK_THAT(error_of({joined.c_str()}), Contains("begins as an option"));
  }
  CHECK(parse_run({"--out", "./--check"}).out_dir == "./--check");
  CHECK(parse_run({"--out", "-x"}).out_dir == "-x");
}

TEST_CASE("Counts are digits within their range") {
  for (const char* bad : {"-1", "+3", " 3", "3 ", "1.5", "1e3", "0x10", "three", "0", "2147483648",
                          "99999999999999999999"}) {
    CAPTURE(bad);
    const std::string text = std::string("--samples=") + bad;
    CHECK_THAT(error_of({text.c_str()}), Contains("--samples: found \""));
  }
  CHECK_THAT(error_of({"--samples", "-1"}),
             Contains("found \"-1\"; allowed: an integer from 1 to 2147483647"));
  CHECK_THAT(error_of({"--threads", "0"}), Contains("from 1 to 1024"));
  CHECK_THAT(error_of({"--seed", "-1"}), Contains("from 0 to"));
  CHECK(parse_run({"--seed", "9223372036854775807"}).seed ==
        std::optional<std::int64_t>(9223372036854775807));
  CHECK(parse_run({"--seed", "0000000000000000000000000000012"}).seed ==
        std::optional<std::int64_t>(12));
  CHECK_THAT(error_of({"--seed", "99999999999999999999999999"}), Contains("from 0 to"));
}

TEST_CASE("Minutes are a decimal number above 0") {
  for (const char* bad : {"0", "-1", "1e3", ".", "1.2.3", "five", " 1", "nan", "2000000"}) {
    CAPTURE(bad);
    const std::string text = std::string("--checkpoint-every=") + bad;
    CHECK_THAT(error_of({text.c_str()}),
               Contains("allowed: a number above 0, at most 1000000, in digits such as 0.5"));
  }
  // However many digits.
  const std::string third = "--checkpoint-every=0." + std::string(40, '3');
  CHECK(parse_run({third.c_str()}).checkpoint_minutes == std::optional<double>(1 / 3.0));
  CHECK(parse_run({"--checkpoint-every", ".5"}).checkpoint_minutes == std::optional<double>(0.5));
}

TEST_CASE("Values that are missing, surplus, doubled or no word are errors") {
  CHECK_THAT(error_of({"--samples"}), Contains("--samples"));
  CHECK_THAT(error_of({"--out="}), Contains("--out"));
  CHECK_THAT(error_of({"--force=yes"}), Contains("--force"));
  CHECK_THAT(error_of({"--epochs", "1", "--epochs", "2"}), Contains("--epochs: given 2 times"));
  CHECK_THAT(error_of({"--precision", "f16"}), Contains("allowed: one of \"f32\", \"f64\""));
  CHECK_THAT(error_of({"--instruction-set", "avx512f"}), Contains("did you mean \"avx512\""));
}

TEST_CASE("Options that exclude or need each other say why") {
  CHECK_THAT(error_of({"--timing-only", "--functional-only"}),
             Contains("--functional-only: cannot be combined with --timing-only"));
  for (const char* numeric : {"--save-weights=f", "--init-weights=f", "--precision=f64",
                              "--instruction-set=avx2", "--checkpoint-every=1", "--resume"}) {
    CHECK_THAT(error_of({"--timing-only", numeric}), Contains("no numbers are computed"));
  }
  CHECK_THAT(error_of({"--functional-only", "--trace"}), Contains("there is no clock"));
  CHECK_THAT(error_of({"--functional-only", "--vcd"}), Contains("there is no clock"));
  CHECK_NOTHROW(parse_run({"--vcd", "--trace-from", "3", "--trace-samples", "4"}));
  CHECK_THAT(error_of({"--trace-from", "3"}), Contains("changes nothing without --trace"));
  CHECK_THAT(error_of({"--trace-samples", "3"}), Contains("changes nothing without --trace"));
}

TEST_CASE("All errors of a command line are told at once") {
  const std::string text = error_of({"--epoch", "3", "--samples=x", "--precision=f16"});
  CHECK_THAT(text, Contains("--epoch:") && Contains("--samples:") && Contains("--precision:"));
}

TEST_CASE("The help page names every option and fits a screen") {
  const std::string help = help_text();
  for (const std::string& name : option_names()) CHECK_THAT(help, Contains("  " + name));
  std::istringstream lines(help);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    CHECK(line.size() <= 80);
  }
  CHECK(count <= 60);
}

TEST_CASE("Overrides reach the file they name and conflicts are errors") {
  Issues issues;
  Document hw = Document::from_text("h.json", "{\"a\": 1}", issues);
  Document workload = Document::from_text("w.json", "{}", issues);
  apply_overrides(parse_run({"--set", "hw/a=2", "--set", "workload/b/c=word", "--epochs", "3",
                             "--samples", "4", "--seed", "5"}),
                  hw, workload, issues);
  CHECK(issues.text() == "");
  CHECK(hw.root() == Json::parse(R"({"a": 2})"));
  CHECK(workload.root() == Json::parse(R"({"b": {"c": "word"}, "dataset": {"train_samples": 4},
                                           "training": {"epochs": 3, "seed": 5}})"));
  CHECK(workload.where("/training/epochs") == "--epochs");
  CHECK(workload.where("/b/c") == "--set workload/b/c");
  CHECK(workload.where("/b") == "w.json: /b");
  apply_overrides(parse_run({"--set", "workload/training/epochs=2"}), hw, workload, issues);
  CHECK(issues.text() ==
        "--set workload/training/epochs: already set by --epochs; give each value once");
}
