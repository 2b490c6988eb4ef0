// SPDX-License-Identifier: Apache-2.0
// Does summary.json hold every declared field, and the right numbers?
#include "sim/stats/summary.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include "tests/sim/support/example_run.h"

using namespace stagecoach;  // NOLINT: tests

namespace {

/// All paths of a summary, list elements as "[]"; what holds user-named keys counts as one value.
void collect(const OrderedJson& value, const std::string& path, std::set<std::string>& paths) {
  const std::set<std::string> leaves = {"stages[].staleness.histogram",
                                        "stages[].energy_parts",
                                        "energy.parts",
                                        "energy.shared_parts",
                                        "area.parts",
                                        "training.diverged_at",
                                        "training.to_target"};
  if (value.is_object() && !leaves.count(path)) {
    for (const auto& [key, child] : value.items()) {
      collect(child, path.empty() ? key : path + "." + key, paths);
    }
    return;
  }
  paths.insert(path);
  if (value.is_array()) {
    for (const OrderedJson& child : value) {
      if (child.is_object()) collect(child, path + "[]", paths);
    }
  }
}

std::set<std::string> paths_of(const OrderedJson& summary) {
  std::set<std::string> paths;
  collect(summary, "", paths);
  return paths;
}

std::set<std::string> declared_paths() {
  std::set<std::string> paths;
  for (const auto& s : declared_statistics()) paths.insert(s.path);
  return paths;
}

}  // namespace

TEST_CASE("every declared statistic is in the summary and nothing else is") {
  const ExampleRun run;
  CHECK(paths_of(make_summary(run.result)) == declared_paths());
}

TEST_CASE("every declared statistic has a unit and a sentence, and no path comes twice") {
  std::set<std::string> seen;
  for (const auto& s : declared_statistics()) {
    INFO(s.path);
    CHECK(seen.insert(s.path).second);
    CHECK_FALSE(s.unit.empty());
    CHECK(s.meaning.back() == '.');
    CHECK(list_statistics_text().find(s.path + " (" + s.unit + ")\n    ") != std::string::npos);
  }
}

TEST_CASE("the summary has the fields that users rely on, in their order") {
  const ExampleRun run;
  const OrderedJson summary = make_summary(run.result);
  std::vector<std::string> keys;
  for (const auto& item : summary.items()) keys.push_back(item.key());
  CHECK(keys == std::vector<std::string>{"schema", "provenance", "training", "timing", "stages",
                                         "layers", "loss", "utilization", "memory", "interconnect",
                                         "energy", "area", "host"});
  CHECK(summary["schema"] == "stagecoach.summary/1");
  const std::set<std::string> declared = declared_paths();
  for (const char* path : {"provenance.command",
                           "training.samples",
                           "training.epochs[].test_accuracy",
                           "training.epochs[].samples",
                           "training.epochs[].cycles",
                           "training.diverged",
                           "timing.steady_cycles_per_sample",
                           "stages[].index",
                           "stages[].core",
                           "stages[].cycles.stall_interconnect",
                           "stages[].mac_utilization",
                           "stages[].staleness.backward_mean",
                           "stages[].memory.stashed_weights_bytes",
                           "stages[].memory.spilled_bytes",
                           "stages[].joules",
                           "layers[].parameters",
                           "layers[].passes.weight_gradient.memory_cycles",
                           "utilization.steady_mean",
                           "memory.activations_peak_bytes",
                           "interconnect.links[].wait_cycles",
                           "interconnect.links[].joules",
                           "energy.per_sample_joules",
                           "host.peak_rss_bytes"}) {
    INFO(path);
    CHECK(declared.count(path) == 1);
  }
}

TEST_CASE("stage figures are the counters, and ratios over them") {
  const ExampleRun run;
  const OrderedJson stage = make_summary(run.result)["stages"][0];
  std::int64_t sum = 0;
  for (const auto& item : stage["cycles"].items()) {
    CHECK(item.value().is_number_integer());
    sum += item.value().get<std::int64_t>();
  }
  CHECK(sum == 1000);
  CHECK(stage["name"] == "fc1");
  CHECK(stage["core"] == "core0");
  CHECK(stage["layers"] == OrderedJson({"fc1", "relu1"}));
  CHECK(stage["utilization"] == 0.8);
  CHECK(stage["mac_utilization"] == 360.0 / 4000.0);
  CHECK(stage["staleness"]["closed_form"] == 2);
  CHECK(stage["staleness"]["min"] == 0);
  CHECK(stage["staleness"]["mean"] == 1.7);
  CHECK(stage["staleness"]["max"] == 2);
  CHECK(stage["staleness"]["histogram"].dump() == R"({"0":1,"1":1,"2":8})");
  CHECK(stage["staleness"]["backward_mean"] == 1.5);
}

TEST_CASE("memory is measured counts times planned sizes") {
  const ExampleRun run;
  const OrderedJson summary = make_summary(run.result);
  const OrderedJson memory = summary["stages"][0]["memory"];
  CHECK(memory["weights_bytes"] == 60);
  CHECK(memory["optimizer_bytes"] == 60);
  CHECK(memory["stashed_weights_bytes"] == 2 * 60);
  CHECK(memory["activations_peak_bytes"] == 3 * 16);
  CHECK(memory["gradients_peak_bytes"] == 2 * 12 + 5);
  CHECK(memory["peak_bytes"] == 60 + 60 + 120 + 48 + 29);
  CHECK(memory["capacity_bytes"] == 1000);
  CHECK(memory["spilled_bytes"] == 80);
  CHECK(summary["stages"][1]["memory"]["capacity_bytes"].is_null());
  CHECK(summary["memory"]["weights_bytes"] == 92);
  CHECK(summary["memory"]["activations_peak_bytes"] == 4 * 16);
}

TEST_CASE("stages and links have their joules, by what they go to") {
  const ExampleRun run;
  const OrderedJson summary = make_summary(run.result);
  CHECK(summary["stages"][0]["joules"] == 0.375);
  CHECK(summary["stages"][0]["energy_parts"].dump() == R"({"macs":0.25,"static":0.125})");
  CHECK(summary["interconnect"]["links"][1]["joules"] == 0.125);
  CHECK(summary["energy"]["shared_joules"] == 0.125);
  CHECK(summary["energy"]["shared_parts"].dump() == R"({"host":0.125})");
}

TEST_CASE("samples of an epoch count from the start of the run, and end with it") {
  ExampleRun run;
  CHECK(make_summary(run.result)["training"]["epochs"][0]["samples"] == 5);
  CHECK(make_summary(run.result)["training"]["epochs"][1]["samples"] == 10);
  run.training.samples = 7;
  CHECK(make_summary(run.result)["training"]["epochs"][1]["samples"] == 7);
  run.result.training = nullptr;
  CHECK(make_summary(run.result)["training"]["epochs"][1]["samples"] == 10);
}

TEST_CASE("totals follow from the counters") {
  const ExampleRun run;
  const OrderedJson summary = make_summary(run.result);
  CHECK(summary["timing"]["cycles"] == 1000);
  CHECK(summary["timing"]["simulated_seconds"] == 1000 / 500e6);
  CHECK(summary["timing"]["samples_per_simulated_second"] == Approx(5e6));
  CHECK(summary["timing"]["steady_cycles_per_sample"] == 90.0);
  CHECK(summary["utilization"]["mean"] == Approx((0.8 + 0.35) / 2));
  // Windows 250..500 and 500..750 lie in the middle half: (250 + 200) of 500 cycles.
  CHECK(summary["utilization"]["steady_mean"] == Approx(0.9));
  CHECK(summary["utilization"]["mac_mean"].is_null());  // core1 has no limit
  CHECK(summary["interconnect"]["bytes"] == 240);
  CHECK(summary["interconnect"]["links"][0]["utilization"] == 0.03);
  CHECK(summary["energy"]["total_joules"] == 1.0);
  CHECK(summary["energy"]["per_sample_joules"] == 0.1);
  CHECK(summary["energy"]["total_joules_low"] == 0.5);
  CHECK(summary["energy"]["total_joules_high"] == 2.0);
  CHECK(summary["area"]["total_mm2"] == 4.0);
  CHECK(summary["area"]["parts"]["buffers"] == 2.5);
  CHECK(summary["area"]["used_mm2"] == 1.25);
  CHECK(summary["energy"]["parts"].dump() == R"({"compute":0.25,"sram":0.5,"links":0.25})");
  CHECK(summary["training"]["epochs"][0]["cycles"] == 480);
  CHECK(summary["training"]["epochs"][1]["cycles"] == 520);
  CHECK(summary["training"]["epochs"][1]["end_cycle"] == 1000);
  CHECK(summary["layers"][0]["passes"]["forward"]["macs"] == 12);
  CHECK(summary["layers"][0]["passes"]["update"]["cycles"] == 5);
  CHECK(summary["layers"][0]["parameters"] == 15);
  CHECK(summary["loss"]["passes"]["forward"]["cycles"] == 0);
  CHECK(summary["layers"][2]["stage"] == 1);
}

TEST_CASE("the list of statistics fits a terminal and can be searched") {
  std::istringstream lines(list_statistics_text());
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
  const std::string found = list_statistics_text("StaleNess");
  CHECK(found.find("stages[].staleness.mean (updates)") != std::string::npos);
  CHECK(found.find("timing.cycles (") == std::string::npos);
  CHECK(list_statistics_text("joules").find("energy.total_joules") != std::string::npos);  // unit
  CHECK(list_statistics_text("no such word").empty());
}

TEST_CASE("a run too short for a steady state has none, and none is faster than the bound") {
  ExampleRun run;
  const auto steady = [&run] {
    return make_summary(run.result)["timing"]["steady_cycles_per_sample"];
  };
  run.result.limit_cycles_per_micro_batch = 80;
  CHECK(steady() == 90.0);
  run.result.limit_cycles_per_micro_batch = 90.5;  // off by where the steady part ends
  CHECK(steady() == 90.5);
  run.result.limit_cycles_per_micro_batch = 100;
  CHECK(steady().is_null());
  CHECK(make_summary(run.result)["utilization"]["steady_mean"].is_null());
}

TEST_CASE("passes of a micro-batch are told per sample") {
  ExampleRun run;
  LayerCost& layer = run.plan.layers[0];
  layer.samples = 4;
  layer.forward = {48, 1405, 1404, 1405};
  layer.update = {15, 7, 1, 7};
  const OrderedJson passes = make_summary(run.result)["layers"][0]["passes"];
  CHECK(passes["forward"]["macs"] == 12);
  CHECK(passes["forward"]["cycles"] == 351.25);
  CHECK(passes["forward"]["memory_cycles"] == 351);
  CHECK(passes["update"]["cycles"] == 7);
}

TEST_CASE("without a clock the fields stay and are null") {
  ExampleRun run;
  run.result.statistics = nullptr;
  run.result.energy.reset();
  run.result.energy_by_place.reset();
  run.result.area.reset();
  const OrderedJson summary = make_summary(run.result);
  CHECK(summary["timing"]["cycles"].is_null());
  CHECK(summary["stages"][1]["cycles"]["forward"].is_null());
  CHECK(summary["stages"][1]["staleness"]["closed_form"] == 0);
  CHECK(summary["stages"][1]["memory"]["peak_bytes"].is_null());
  CHECK(summary["training"]["epochs"][0]["train_loss"] == 1.5);
  CHECK(summary["training"]["epochs"][0]["cycles"].is_null());
  CHECK(summary["energy"]["total_joules"].is_null());
  CHECK(summary["energy"]["shared_joules"].is_null());
  CHECK(summary["stages"][0]["joules"].is_null());
  CHECK(summary["stages"][0]["energy_parts"].dump() == "{}");
  CHECK(summary["area"]["total_mm2"].is_null());
  CHECK(summary["area"]["parts"].dump() == "{}");
  CHECK(summary["training"]["samples"] == 10);
}

TEST_CASE("without numbers the training fields stay and are null") {
  ExampleRun run;
  run.result.training = nullptr;
  const OrderedJson summary = make_summary(run.result);
  CHECK(summary["training"]["samples"] == 10);
  CHECK(summary["training"]["updates"] == 10);
  CHECK(summary["training"]["diverged"].is_null());
  CHECK(summary["training"]["epochs"][1]["train_loss"].is_null());
  CHECK(summary["training"]["epochs"][1]["cycles"] == 520);
}

TEST_CASE("a loss that is not finite is null and the place of the divergence is told") {
  ExampleRun run;
  run.training.epochs[1].train_loss = std::numeric_limits<double>::quiet_NaN();
  run.training.divergence = Divergence{1, 3, std::numeric_limits<double>::infinity(), "fc1", 13};
  const OrderedJson summary = make_summary(run.result);
  CHECK(summary["training"]["diverged"] == true);
  CHECK(summary["training"]["diverged_at"]["epoch"] == 1);
  CHECK(summary["training"]["diverged_at"]["sample"] == 3);
  CHECK(summary["training"]["diverged_at"]["layer"] == "fc1");
  CHECK(summary["training"]["diverged_at"]["weight_version"] == 13);
  CHECK(summary["training"]["diverged_at"]["value"] == "training_loss");
  run.training.divergence =
      Divergence{1, Divergence::kNoSample, 0, "fc1", 13, DivergedValue::weights};
  const OrderedJson at = make_summary(run.result)["training"]["diverged_at"];
  CHECK(at["value"] == "weights");
  CHECK(at["sample"].is_null());
  CHECK(summary["training"]["epochs"][1]["train_loss"].is_null());
  CHECK(summary_text(summary).find("NaN") == std::string::npos);
}

TEST_CASE("epochs carry seconds and joules from the start of the run to their end") {
  const ExampleRun run;
  const OrderedJson epochs = make_summary(run.result)["training"]["epochs"];
  CHECK(epochs[0]["simulated_seconds"] == 480 / 500e6);
  CHECK(epochs[1]["simulated_seconds"] == 1000 / 500e6);
  CHECK(epochs[0]["joules"] == 0.375);
  CHECK(epochs[1]["joules"] == 1.0);
}

TEST_CASE("the target is reached by the first epoch whose test accuracy is at least as large") {
  ExampleRun run;  // test accuracies 0.75 and 0.8125
  CHECK(make_summary(run.result)["training"]["target_accuracy"].is_null());
  CHECK(make_summary(run.result)["training"]["to_target"].is_null());
  run.result.target_accuracy = 0.75;
  OrderedJson at = make_summary(run.result)["training"]["to_target"];
  CHECK(
      at.dump() ==
      OrderedJson(
          {{"epoch", 0}, {"accuracy", 0.75}, {"simulated_seconds", 480 / 500e6}, {"joules", 0.375}})
          .dump());
  run.result.target_accuracy = 0.8;
  CHECK(make_summary(run.result)["training"]["to_target"]["epoch"] == 1);
  run.result.target_accuracy = 0.9;
  CHECK(make_summary(run.result)["training"]["to_target"].is_null());
  CHECK(make_summary(run.result)["training"]["target_accuracy"] == 0.9);
}

TEST_CASE("without a test set the training accuracy reaches the target") {
  ExampleRun run;
  for (EpochResult& epoch : run.training.epochs) epoch.test_accuracy.reset();
  run.result.target_accuracy = 0.875;
  CHECK(make_summary(run.result)["training"]["to_target"]["epoch"] == 1);
}

TEST_CASE("a target reached without a clock has no time and no energy") {
  ExampleRun run;
  run.result.target_accuracy = 0.75;
  run.result.statistics = nullptr;
  run.result.epoch_joules.clear();
  const OrderedJson at = make_summary(run.result)["training"]["to_target"];
  CHECK(at["epoch"] == 0);
  CHECK(at["simulated_seconds"].is_null());
  CHECK(at["joules"].is_null());
}

TEST_CASE("an interruption is told, with and without numbers") {
  ExampleRun run;
  CHECK(make_summary(run.result)["training"]["interrupted"] == false);
  run.result.interrupted = true;
  CHECK(make_summary(run.result)["training"]["interrupted"] == true);
  run.result.training = nullptr;
  CHECK(make_summary(run.result)["training"]["interrupted"] == true);
}

TEST_CASE("an epoch that was not completed reaches no target") {
  ExampleRun run;
  run.result.target_accuracy = 0.8;
  run.training.complete_epochs = 1;
  CHECK(make_summary(run.result)["training"]["to_target"].is_null());
}

TEST_CASE("an empty run has nulls where a ratio has nothing below it") {
  ExampleRun run;
  run.statistics = RunStatistics();
  run.statistics.stages.resize(2);
  run.training = TrainingResult();
  const OrderedJson summary = make_summary(run.result);
  CHECK(summary["stages"][0]["utilization"].is_null());
  CHECK(summary["stages"][0]["staleness"]["mean"].is_null());
  CHECK(summary["stages"][0]["staleness"]["histogram"].dump() == "{}");
  CHECK(summary["utilization"]["steady_mean"].is_null());
  CHECK(summary["timing"]["steady_cycles_per_sample"].is_null());
  CHECK(summary["energy"]["per_sample_joules"].is_null());
  CHECK(summary["training"]["diverged"] == false);
}

TEST_CASE("two runs of one input differ in host alone, byte for byte") {
  ExampleRun a;
  ExampleRun b;
  b.result.host = {9.0, std::nullopt, std::nullopt, 7, std::nullopt, std::nullopt};
  OrderedJson first = make_summary(a.result);
  OrderedJson second = make_summary(b.result);
  CHECK(summary_text(first) != summary_text(second));
  first.erase("host");
  second.erase("host");
  CHECK(summary_text(first) == summary_text(second));
}
