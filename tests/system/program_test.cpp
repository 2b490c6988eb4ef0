// SPDX-License-Identifier: Apache-2.0
// The program as its user meets it: exit status, messages, files, and what must not change a
// result.
#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "models/data/safetensors.h"
#include "paths.h"
#include "tests/support/vcd_reader.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Outcome;
using test::Program;
using test::refused;

TEST_CASE("a run leaves every documented file, and its summary adds up") {
  const Program program;
  const Outcome outcome = program.run("--trace --trace-samples 20");
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  for (const char* name : {"summary.json", "staleness.csv", "utilization.csv", "memory.csv",
                           "epochs.csv", "config.json", "trace.json.gz"})
    CHECK(fs::file_size(program.path("out") + "/" + name) > 0);
  const json s = program.summary();
  CHECK(s["schema"] == "stagecoach.summary/1");
  CHECK(s["training"]["samples"] == 300);
  for (const json& stage : s["stages"]) {
    std::int64_t sum = 0;
    for (const auto& [name, cycles] : stage["cycles"].items()) sum += cycles.get<std::int64_t>();
    CHECK(sum == s["timing"]["cycles"].get<std::int64_t>());
  }
  double joules = 0;
  for (const auto& [name, part] : s["energy"]["parts"].items()) joules += part.get<double>();
  CHECK(joules == Approx(s["energy"]["total_joules"].get<double>()).epsilon(1e-9));
}

TEST_CASE("epochs carry time and energy up to their end, and the last row is the run's total") {
  const Program program;
  REQUIRE(program.run("--force --epochs 3 --set workload/training/target_accuracy=0.01").status ==
          0);
  const json s = program.summary();
  const json& epochs = s["training"]["epochs"];
  REQUIRE(epochs.size() == 3);
  for (std::size_t e = 1; e < epochs.size(); ++e) {
    CHECK(epochs[e]["simulated_seconds"] > epochs[e - 1]["simulated_seconds"]);
    CHECK(epochs[e]["joules"] > epochs[e - 1]["joules"]);
  }
  CHECK(epochs[2]["end_cycle"] == s["timing"]["cycles"]);
  CHECK(epochs[2]["simulated_seconds"] == s["timing"]["simulated_seconds"]);
  CHECK(epochs[2]["joules"] == s["energy"]["total_joules"]);
  CHECK(s["training"]["to_target"]["epoch"] == 0);
  CHECK(s["training"]["to_target"]["accuracy"] == epochs[0]["test_accuracy"]);
  CHECK(s["training"]["to_target"]["simulated_seconds"] == epochs[0]["simulated_seconds"]);
  CHECK(s["training"]["to_target"]["joules"] == epochs[0]["joules"]);
  refused(program.run("--force --set workload/training/target_accuracy=97"),
          {"target_accuracy", "97"});
}

TEST_CASE("balanced stages are cut by cost, told by --check, and the same as these cuts") {
  const Program program;
  const std::string balanced = "--set workload/pipeline/partition='{\"balanced\": 3}' ";
  const Outcome checked = program.run(balanced + "--check");
  INFO(checked.output);
  REQUIRE(checked.status == 0);
  const std::string begin = "\"partition\": ";
  const std::size_t at = checked.output.find(begin);
  REQUIRE(at != std::string::npos);
  const std::string cuts =
      checked.output.substr(at + begin.size(), checked.output.find('\n', at) - at - begin.size());
  REQUIRE(json::parse(cuts)["cuts"].size() == 2);
  REQUIRE(program.run(balanced + "--save-weights " + program.path("balanced")).status == 0);
  const json by_cost = program.summary();
  CHECK(by_cost["stages"].size() == 3);
  REQUIRE(program
              .run("--force --set workload/pipeline/partition='" + cuts + "' --save-weights " +
                   program.path("cuts"))
              .status == 0);
  CHECK((program.read("balanced") == program.read("cuts")));
  CHECK(program.summary()["stages"] == by_cost["stages"]);
  REQUIRE(program.run("--force --timing-only " + balanced).status == 0);
  CHECK(program.summary()["timing"] == by_cost["timing"]);
  REQUIRE(program.run("--force --functional-only " + balanced).status == 0);
  CHECK(program.summary()["stages"].size() == 3);
  refused(program.run("--force --set workload/pipeline/partition='{\"balanced\": 13}'"),
          {"/pipeline/partition/balanced", "found 13"});
}

TEST_CASE("threads change nothing but the host's figures") {
  const Program program;
  std::vector<std::string> summaries;
  for (const char* threads : {"1", "2", "7"}) {
    REQUIRE(program
                .run("--force --save-weights " + program.path("w" + std::string(threads)) +
                     " --threads " + threads)
                .status == 0);
    json s = program.summary();
    s.erase("host");
    s["provenance"].erase("command");
    summaries.push_back(s.dump() + program.read("out/staleness.csv") +
                        program.read("out/memory.csv") + program.read("w" + std::string(threads)));
  }
  CHECK(summaries[1] == summaries[0]);
  CHECK(summaries[2] == summaries[0]);
}

TEST_CASE("under lockstep the clock-free run saves the same bytes of weights") {
  const Program program;
  const std::string lockstep = "--force --set workload/pipeline/pacing=lockstep --save-weights ";
  REQUIRE(program.run(lockstep + program.path("simulated")).status == 0);
  REQUIRE(program.run(lockstep + program.path("free") + " --functional-only").status == 0);
  CHECK(program.read("simulated") == program.read("free"));
  CHECK(program.read("free").size() > 200000);
}

TEST_CASE("saved weights start another run where the first one ended") {
  const Program program;
  REQUIRE(program.run("--save-weights " + program.path("w")).status == 0);
  REQUIRE(
      program
          .run("--force --set workload/training/optimizer='{\"type\":\"sgd\",\"learning_rate\":0}'"
               " --init-weights " +
               program.path("w") + " --save-weights " + program.path("again"))
          .status == 0);
  CHECK(program.read("w") == program.read("again"));
}

TEST_CASE("timing-only gives the same clock without numbers") {
  const Program program;
  REQUIRE(program.run("").status == 0);
  const json with = program.summary();
  REQUIRE(program.run("--force --timing-only").status == 0);
  const json without = program.summary();
  CHECK(with["timing"] == without["timing"]);
  CHECK(with["stages"] == without["stages"]);
  for (const json& epoch : without["training"]["epochs"]) CHECK(epoch["train_loss"].is_null());
}

TEST_CASE("a run ten times as long needs no more memory") {
  const Program program;
  const auto peak = [&](const char* samples) {
    const Outcome outcome =
        program(Program::files() + " --timing-only --epochs 1 --quiet --force " + "--out " +
                program.path("out") + " --samples " + samples);
    INFO(outcome.output);
    REQUIRE(outcome.status == 0);
    return program.summary()["host"]["peak_rss_bytes"].get<double>();
  };
  // At 20,000 samples all series are full. What is left is the allocator's and the system's noise;
  // eight bytes for every stage and sample would be 7 MB.
  const double shorter = peak("20000");
  CHECK(peak("200000") - shorter < 2e6);
}

TEST_CASE("waves (--vcd) end with the run and change nothing else") {
  const Program program;
  REQUIRE(program.run("--timing-only").status == 0);
  const json without = program.summary();
  REQUIRE(program.run("--force --timing-only --vcd").status == 0);
  CHECK(program.summary()["stages"] == without["stages"]);
  const test::VcdDump dump = test::VcdReader(program.path("out/machine.vcd")).dump();
  CHECK(dump.end == without["timing"]["cycles"].get<std::int64_t>());
  for (const json& stage : without["stages"]) {
    const std::string state = "machine.stages." + stage["name"].get<std::string>() + ".state";
    const auto lasts = dump.durations(state);
    for (const auto& [kind, cycles] : stage["cycles"].items()) {
      CHECK((lasts.count(kind) ? lasts.at(kind) : 0) == cycles.get<std::int64_t>());
    }
  }
  for (const json& link : without["interconnect"]["links"]) {
    const auto busy = dump.durations("machine.links." + link["name"].get<std::string>() + ".busy");
    CHECK((busy.count("1") ? busy.at("1") : 0) == link["busy_cycles"].get<std::int64_t>());
  }
  REQUIRE(program.run("--force --vcd --trace-from 100 --trace-samples 3").status == 0);
  CHECK(fs::file_size(program.path("out/machine.vcd")) < 40000);
}

TEST_CASE("wrong input is refused with where, what and what is allowed") {
  const Program program;
  refused(program.run("--set workload/training/epoch=3"), {"/training/epoch", "epochs"});
  refused(program.run("--set workload/pipeline/schedule=pipelnied"), {"pipelnied", "pipelined"});
  refused(program.run("--set hw/clock_mhz=-5"), {"/clock_mhz", "-5"});
  refused(program.run("--sampels 3"), {"--sampels", "--samples"});
  refused(program("--hw nowhere.json --workload nothing.json"), {"nowhere.json", "nothing.json"});
  program.write("broken.json", "{\"name\": ");
  refused(
      program("--hw " + program.path("broken.json") + " --workload " + program.path("broken.json")),
      {"broken.json", "line 1, column"});
  refused(program.run("--set hw/cores/0/weight_buffer/capacity_kib=1"),
          {"small_mesh.json: /cores", "needs 725 cores"});
  refused(program.run("--epochs 1000001"), {"--epochs", "found 1000001", "1000000"});
}

TEST_CASE("a trace or waves that would begin after the run are refused") {
  const Program program;
  for (const std::string what : {"--trace", "--trace --trace-format perfetto", "--vcd"}) {
    const std::string job = "--timing-only --force " + what + " --trace-from ";
    refused(program.run(job + "300"), {"--trace-from", "found 300", "allowed: at most 299"});
    refused(program.run(job + "600 --epochs 2"), {"found 600", "allowed: at most 599"});
    CHECK(program.run(job + "299").status == 0);
    CHECK(program.run(job + "599 --epochs 2").status == 0);
  }
}

TEST_CASE("a weights file of a wrong shape is refused tensor by tensor") {
  const Program program;
  REQUIRE(program.run("--save-weights " + program.path("w")).status == 0);
  TensorMap tensors = read_safetensors(program.path("w"));
  tensors["fc3.weight"] = {{10, 83}, std::vector<double>(830, 0.0)};
  tensors.erase("conv1.bias");
  tensors["extra"] = {{1}, {0.0}};
  std::ostringstream bad;
  write_safetensors(bad, tensors, SafetensorsType::f32);
  program.write("bad", bad.str());
  for (const char* asked : {"--force", "--check", "--check --json --precision f64"})
    refused(program.run(std::string(asked) + " --init-weights " + program.path("bad")),
            {"fc3.weight", "[10,83]", "[10,84]", "conv1.bias", "extra"});
  refused(program.run("--check --init-weights " + program.path("none")), {"none"});
  CHECK(program.run("--check --init-weights " + program.path("w")).status == 0);
}

TEST_CASE("weights as PyTorch's DataParallel writes them are taken, and what is left out is told") {
  const Program program;
  REQUIRE(program.run("--save-weights " + program.path("w")).status == 0);
  const TensorMap plain = read_safetensors(program.path("w"));
  TensorMap wrapped;
  for (const auto& [name, tensor] : plain) wrapped["module." + name] = tensor;
  wrapped["module.conv1.num_batches_tracked"] = {{1}, {300}};
  const auto write = [&](const TensorMap& tensors) {
    std::ofstream file(program.path("t"), std::ios::binary);
    write_safetensors(file, tensors, SafetensorsType::f32);
  };
  const std::string from_there = " --force --init-weights ";
  REQUIRE(program.run(from_there + program.path("w")).status == 0);
  const auto epochs = program.summary()["training"]["epochs"];
  write(wrapped);
  const Outcome outcome = program(Program::files() + " --samples 300 --epochs 1 --force --out " +
                                  program.path("out") + " --init-weights " + program.path("t"));
  REQUIRE(outcome.status == 0);
  CHECK(program.summary()["training"]["epochs"] == epochs);
  CHECK(outcome.output.find("removes the prefix \"module.\" from") != std::string::npos);
  CHECK(outcome.output.find("num_batches_tracked") != std::string::npos);
  TensorMap bad = plain;
  bad["fc1.bias"].values[2] = std::numeric_limits<double>::quiet_NaN();
  write(bad);
  refused(program.run(from_there + program.path("t")),
          {"tensor \"fc1.bias\": element 2 is nan", "allowed"});
}

TEST_CASE("a variance below zero in a weights file is refused") {
  const Program program;
  // Batch norm behind the first convolution's activation.
  const std::string norm =
      "--set 'workload/network/layers/1={\"name\": \"norm\", \"type\": \"batch_norm2d\"}' ";
  const std::string variance = "norm.running_var";
  REQUIRE(program.run(norm + "--save-weights " + program.path("w")).status == 0);
  TensorMap tensors = read_safetensors(program.path("w"));
  const auto with = [&](double value) {
    tensors.at(variance).values[3] = value;
    std::ostringstream text;
    write_safetensors(text, tensors, SafetensorsType::f32);
    program.write("t", text.str());
    return program.run(norm + "--force --init-weights " + program.path("t"));
  };
  refused(with(-1e-6), {"tensor \"norm.running_var\": element 3 is -", "variances, 0 or more"});
  CHECK(with(0).status == 0);
}

TEST_CASE("a truncated data file is refused by name and size") {
  const Program program;
  program.write("images", std::string("\0\0\x08\x03\0\0\0\x0a\0\0\0\x1c\0\0\0\x1c", 16) + "abc");
  program.write("labels", std::string("\0\0\x08\x01\0\0\0\x0a", 8) + "0123456789");
  const std::string dataset =
      "--set workload/dataset='{\"format\":\"idx\",\"train_images\":\"images\","
      "\"train_labels\":\"labels\",\"test_images\":\"images\","
      "\"test_labels\":\"labels\"}' --data " +
      program.path("");
  refused(program(Program::files() + " --quiet --out " + program.path("out") + " " + dataset),
          {"images", "truncated", "10 x 28 x 28"});
}

TEST_CASE("data that is not there is refused with where to say it") {
  const Program program;
  const std::string mnist = "--hw " STAGECOACH_SOURCE_DIR "/hw/small_mesh.json --workload " +
                            std::string(STAGECOACH_SOURCE_DIR) +
                            "/workloads/lenet5-mnist.json --out " + program.path("out");
  refused(program(mnist + " --set workload/dataset/train_images=nowhere"),
          {"nowhere", "--data DIR"});
  const Outcome given = program(mnist + " --data " + program.path(""));
  refused(given, {"train-images-idx3-ubyte.gz: no such file"});
  CHECK(given.output.find("--data") == std::string::npos);
}

TEST_CASE("too little memory is the run's size, not a bug") {
  const Program program;
  // 5,000,000 generated images of 28 x 28 bytes in one gigabyte of addresses.
  refused(Program::shell("ulimit -v 1000000; " STAGECOACH_PROGRAM " " + Program::files() +
                         " --samples 5000000 --epochs 1 --out " + program.path("out")),
          {"not enough memory"});
}

TEST_CASE("an existing result is kept unless --force says otherwise") {
  const Program program;
  REQUIRE(program.run("").status == 0);
  const std::string before = program.read("out/summary.json");
  refused(program.run("--seed 9"), {"--force"});
  CHECK(program.read("out/summary.json") == before);
  CHECK(program.run("--seed 9 --force").status == 0);
  CHECK(program.read("out/summary.json") != before);
}

TEST_CASE("a diverging run ends with status 3 and still writes its results") {
  const Program program;
  const Outcome outcome = program.run(
      "--set "
      "workload/training/optimizer='{\"type\":\"sgd\",\"learning_rate\":1e6,\"momentum\":0.9}'");
  INFO(outcome.output);
  CHECK(outcome.status == 3);
  CHECK(outcome.output.find("DIVERGED") != std::string::npos);
  CHECK_FALSE(program.summary()["training"]["diverged"].is_null());
}

TEST_CASE("log lines say what is not finite instead of printing it") {
  const Program program;
  // The one sample's loss is finite; the weights after its update are not worth much.
  const Outcome outcome =
      program(Program::files() + " --samples 1 --epochs 1 --out " + program.path("out") +
              " --set workload/training/optimizer='{\"type\":\"sgd\",\"learning_rate\":1e38}'");
  INFO(outcome.output);
  CHECK(outcome.output.find("test loss not finite") != std::string::npos);
  CHECK(outcome.output.find("nan") == std::string::npos);
}

TEST_CASE("a chip without energies gives no joules, and says so once") {
  const Program program;
  json chip =
      json::parse(std::ifstream(std::string(STAGECOACH_SOURCE_DIR) + "/hw/small_mesh.json"));
  chip.erase("energy");
  program.write("hw.json", chip.dump());
  const Outcome outcome =
      program("--hw " + program.path("hw.json") + " --workload " + STAGECOACH_SOURCE_DIR +
              "/workloads/lenet5-glyphs.json --quiet " + "--samples 100 --epochs 2 --out " +
              program.path("out") + " --set workload/training/target_accuracy=0.01");
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  const std::size_t told = outcome.output.find("energy");
  CHECK(outcome.output.substr(told).find("not known: the hardware file has no \"energy\"") == 14);
  CHECK(outcome.output.find("energy", told + 60) == std::string::npos);
  CHECK(outcome.output.find(" J") == std::string::npos);
  const json s = program.summary();
  CHECK(s["energy"]["total_joules"].is_null());
  CHECK(s["energy"]["parts"].empty());
  CHECK(s["stages"][0]["joules"].is_null());
  CHECK(s["interconnect"]["links"][0]["joules"].is_null());
  CHECK(s["training"]["epochs"][1]["joules"].is_null());
  CHECK(s["training"]["to_target"]["joules"].is_null());
  CHECK(s["area"]["total_mm2"].is_number());
  CHECK(s["timing"]["cycles"].is_number());
  CHECK_FALSE(json::parse(program.read("out/config.json"))["hw"].contains("energy"));
}

TEST_CASE("a refused run leaves no folder behind") {
  const Program program;
  refused(program.run("--set workload/training/epoch=3"), {"/training/epoch"});
  CHECK_FALSE(fs::exists(program.path("out")));
}

TEST_CASE("the printed configuration gives the same run") {
  const Program program;
  REQUIRE(program.run("").status == 0);
  const json first = program.summary();
  const Outcome printed = program(Program::files() + " --samples 300 --epochs 1 --print-config");
  REQUIRE(printed.status == 0);
  CHECK(program.read("out/config.json") == printed.output);
  const json both = json::parse(printed.output);
  program.write("hw.json", both["hw"].dump());
  program.write("workload.json", both["workload"].dump());
  REQUIRE(program("--quiet --hw " + program.path("hw.json") + " --workload " +
                  program.path("workload.json") + " --out " + program.path("again"))
              .status == 0);
  const json second = program.summary("again");
  CHECK(second["timing"] == first["timing"]);
  CHECK(second["stages"] == first["stages"]);
  CHECK(second["training"]["epochs"] == first["training"]["epochs"]);
  CHECK(second["energy"] == first["energy"]);
}

}  // namespace
}  // namespace stagecoach
