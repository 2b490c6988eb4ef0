// SPDX-License-Identifier: Apache-2.0
// The CSV files, byte for byte where they are short, and the order in which files appear.
#include "sim/stats/tables.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "sim/stats/summary.h"
#include "tests/sim/support/example_run.h"
#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("staleness.csv has a row per stage and window, and no mean where nothing ended") {
  const ExampleRun run;
  CHECK(staleness_csv(run.result) ==
        "stage,name,begin_cycle,end_cycle,micro_batches,staleness_mean,staleness_closed_form\n"
        "0,fc1,0,250,3,1.33333333,2\n"
        "0,fc1,250,500,3,2,2\n"
        "0,fc1,500,750,3,2,2\n"
        "0,fc1,750,1000,0,,2\n"
        "1,fc2,0,250,3,1.33333333,0\n"
        "1,fc2,250,500,3,2,0\n"
        "1,fc2,500,750,3,2,0\n"
        "1,fc2,750,1000,0,,0\n");
}

TEST_CASE("utilization.csv splits every window into eight shares") {
  const ExampleRun run;
  const std::string text = utilization_csv(run.result);
  CHECK(text.find("0,fc1,0,250,200,0,0,0,0,0,0,50,0.8\n") != std::string::npos);
  CHECK(text.find("0,fc1,250,500,250,0,0,0,0,0,0,0,1\n") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 9);
}

TEST_CASE("memory.csv gives bytes per class from a cycle on") {
  const ExampleRun run;
  CHECK(memory_csv(run.result) ==
        "stage,name,cycle,weights_bytes,optimizer_bytes,stashed_weights_bytes,activations_bytes,"
        "gradients_bytes,total_bytes\n"
        "0,fc1,0,60,60,0,16,5,141\n"
        "0,fc1,100,60,60,120,48,17,305\n");
}

TEST_CASE("a stage name with a comma or a quote is one field") {
  ExampleRun run;
  run.partition[0].name = "a,\"b\"";
  CHECK(memory_csv(run.result).find("0,\"a,\"\"b\"\"\",0,60") != std::string::npos);
}

TEST_CASE("results are written with what matters most first") {
  const TemporaryDirectory temporary;
  const ExampleRun run;
  ResultDirectory out(temporary / "out", Earlier::refuse);
  std::vector<std::string> failures;
  const OrderedJson summary = write_results(run.result, out, failures);
  for (const std::string& failure : out.publish()) failures.push_back(failure);
  CHECK(out.written() == std::vector<std::string>{"summary.json", "epochs.csv", "config.json",
                                                  "staleness.csv", "utilization.csv",
                                                  "memory.csv"});
  CHECK(failures.empty());
  CHECK(OrderedJson::parse(read_text(out.path_of(kSummaryFile))) == summary);
  CHECK(read_text(out.path_of(kConfigFile)) == run.result.config_text);
}

TEST_CASE("a table that cannot be written costs no other") {
  const TemporaryDirectory temporary;
  std::filesystem::create_directories(temporary / "out/utilization.csv/not/empty");
  const ExampleRun run;
  ResultDirectory out(temporary / "out", Earlier::replace);
  std::vector<std::string> failures;
  write_results(run.result, out, failures);
  for (const std::string& failure : out.publish()) failures.push_back(failure);
  CHECK(out.written() == std::vector<std::string>{"summary.json", "epochs.csv", "config.json",
                                                  "staleness.csv", "memory.csv"});
  REQUIRE(failures.size() == 1);
  CHECK_THAT(failures[0], Catch::Contains("utilization.csv: cannot be written"));
}

TEST_CASE("without a new summary the earlier result stays whole") {
  const TemporaryDirectory temporary;
  std::filesystem::create_directories(temporary / "out/summary.json/not/empty");
  std::ofstream(temporary / "out/epochs.csv") << "old";
  const ExampleRun run;
  ResultDirectory out(temporary / "out", Earlier::replace);
  std::vector<std::string> failures;
  write_results(run.result, out, failures);
  for (const std::string& failure : out.publish()) failures.push_back(failure);
  CHECK(out.written().empty());
  CHECK(failures.size() == 1);
  CHECK(read_text(temporary / "out/epochs.csv") == "old");
}

TEST_CASE("epochs.csv has the columns of the summary's epochs, empty where they are null") {
  ExampleRun run;
  run.training.epochs[1].test_loss.reset();
  CHECK(epochs_csv(run.result) ==
        "epoch,samples,train_loss,train_accuracy,test_loss,test_accuracy,cycles,end_cycle,"
        "simulated_seconds,joules\n"
        "0,5,1.5,0.5,1.25,0.75,480,480,9.6e-07,0.375\n"
        "1,10,0.5,0.875,,0.8125,520,1000,2e-06,1.0\n");
}

TEST_CASE("a run without a clock writes summary, epochs and configuration alone") {
  const TemporaryDirectory temporary;
  ExampleRun run;
  run.result.statistics = nullptr;
  ResultDirectory out(temporary / "out", Earlier::refuse);
  std::vector<std::string> failures;
  write_results(run.result, out, failures);
  for (const std::string& failure : out.publish()) failures.push_back(failure);
  CHECK(out.written() == std::vector<std::string>{"summary.json", "epochs.csv", "config.json"});
}

TEST_CASE("epochs of a run that goes on are published as they end") {
  const TemporaryDirectory temporary;
  ExampleRun run;
  run.result.statistics = nullptr;
  ResultDirectory out(temporary / "out", Earlier::refuse);
  for (std::size_t epochs : {1, 2}) {
    run.training.epochs.resize(epochs);
    CHECK(publish_epochs(run.result, out).empty());
    const OrderedJson summary = OrderedJson::parse(read_text(out.path_of(kSummaryFile)));
    CHECK(summary["training"]["epochs"].size() == epochs);
    CHECK(summary["training"]["complete"] == false);
    CHECK(read_text(out.path_of(kEpochsFile)) == epochs_csv(run.result));
    CHECK(read_text(out.path_of(kConfigFile)) == run.result.config_text);
  }
}

TEST_CASE("many epochs are thinned in the summary and whole in epochs.csv") {
  ExampleRun run;
  run.result.statistics = nullptr;
  run.training.epochs.resize(100000);
  run.training.epochs[99999].train_loss = 7;
  const OrderedJson epochs = make_summary(run.result)["training"]["epochs"];
  CHECK(epochs.size() <= 4097);
  CHECK(epochs.size() > 2000);
  CHECK(epochs[0]["epoch"] == 0);
  CHECK(epochs[1]["epoch"] == 32);
  CHECK(epochs.back()["epoch"] == 99999);
  CHECK(epochs.back()["train_loss"] == 7.0);
  const std::string csv = epochs_csv(run.result);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 100001);
}
