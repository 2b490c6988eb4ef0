// SPDX-License-Identifier: Apache-2.0
// Question: does a workload file become exactly the specs it describes, and nothing else?
#include "sim/config/workload_config.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "paths.h"
#include "tests/sim/config/workload_text.h"

using namespace stagecoach;
using namespace stagecoach::test;

TEST_CASE("The contract's example gives the specs it says") {
  const WorkloadConfig w = good_workload(R"({
    "name": "lenet5-mnist",
    "dataset": {
      "format": "idx",
      "train_images": "mnist/train-images-idx3-ubyte.gz", "train_labels": "mnist/l.gz",
      "test_images": "/abs/t10k.gz", "test_labels": "mnist/tl.gz",
      "train_samples": 60000, "test_samples": 10000, "shuffle": true,
      "normalize": {"mean": [0.1307], "std": [0.3081]},
      "augment": {"pad": 4, "random_crop": true, "horizontal_flip": true}
    },
    "network": {"input": [1, 28, 28], "layers": [
        {"name": "conv1", "type": "conv2d", "out_channels": 6, "kernel": 5, "padding": 2},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel": 2, "stride": 2},
        {"type": "flatten"},
        {"name": "fc1", "type": "linear", "out_features": 120}]},
    "pipeline": {"partition": "per_layer", "schedule": "pipelined", "pacing": "elastic"},
    "training": {
      "loss": "softmax_cross_entropy", "epochs": 2, "batch_size": 1, "seed": 7,
      "optimizer": {"type": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0},
      "mitigation": {"weight_stashing": false, "spike_compensation": false,
                     "weight_prediction": "none", "prediction_horizon": 1.0}}})");
  CHECK(w.name == "lenet5-mnist");
  CHECK(w.dataset.format == DatasetFormat::idx);
  CHECK(w.dataset.train_images == std::vector<std::string>{"dir/mnist/train-images-idx3-ubyte.gz"});
  CHECK(w.dataset.test_images == std::vector<std::string>{"/abs/t10k.gz"});
  CHECK(w.dataset.train_labels == "dir/mnist/l.gz");
  CHECK(w.dataset.train_samples == 60000);
  CHECK(w.dataset.normalize);
  CHECK(w.dataset.mean == std::vector<double>{0.1307});
  CHECK(w.dataset.augment.pad == 4);
  CHECK(w.dataset.augment.horizontal_flip);
  REQUIRE(w.network.layers.size() == 5);
  CHECK(w.network.layers[1].spec.name == "relu1");
  CHECK(w.network.layers[0].output == Shape::image(6, 28, 28));
  CHECK(w.stages.size() == 2);
  CHECK(w.schedule.kind == ScheduleKind::pipelined);
  CHECK(w.training.epochs == 2);
  CHECK(w.training.seed == 7);
  CHECK(w.training.optimizer.learning_rate == 0.01);
  CHECK(w.training.optimizer.momentum == 0.9);
  CHECK_FALSE(w.training.mitigation.weight_stashing);
}

TEST_CASE("Data set paths start at --data when it is given") {
  Issues issues;
  const std::string text = minimal({{"/dataset", R"({"format": "cifar10",
      "train_images": ["a.bin", "b.bin"]})"},
                                    {"/network/input", "[3,32,32]"}});
  const Document d = Document::from_text("dir/w.json", text, issues);
  const WorkloadConfig w = read_workload(d, "/data", issues);
  CHECK(issues.text() == "");
  CHECK(w.dataset.train_images == std::vector<std::string>{"/data/a.bin", "/data/b.bin"});
  CHECK(w.dataset.test_images.empty());
  CHECK(w.name == "w");
}

TEST_CASE("Absent fields take the documented defaults") {
  const WorkloadConfig w = good_workload(minimal());
  CHECK(w.training.batch_size == 1);
  CHECK(w.training.epochs == 1);
  CHECK(w.training.seed == 1);
  CHECK(w.training.loss == LossKind::softmax_cross_entropy);
  CHECK(w.training.optimizer.momentum == 0);
  CHECK(w.schedule.kind == ScheduleKind::pipelined);
  CHECK(w.schedule.pacing == Pacing::elastic);
  CHECK(w.dataset.shuffle);
  CHECK(w.dataset.train_samples == -1);
  CHECK_FALSE(w.dataset.normalize);
}

TEST_CASE("Micro-batches and stashing default by schedule") {
  const auto with = [](const std::string& schedule, const std::string& extra = "") {
    return good_workload(
        minimal({{"/pipeline", "{\"schedule\": \"" + schedule + "\"" + extra + "}"},
                 {"/training/batch_size", "12"}}));
  };
  for (const char* whole : {"sequential", "pipelined", "one_f_one_b"}) {
    CAPTURE(whole);
    CHECK(with(whole).training.micro_batch_size == 12);
  }
  CHECK(with("hybrid", ", \"switch_share\": 0.5").training.micro_batch_size == 12);
  for (const char* cut : {"fill_drain", "gpipe", "one_f_one_b_flush", "zero_bubble",
                          "interleaved_one_f_one_b", "zero_bubble_v", "two_buffered_weights"}) {
    CAPTURE(cut);
    CHECK(with(cut).training.micro_batch_size == 1);
  }
  CHECK(with("one_f_one_b").training.mitigation.weight_stashing);
  CHECK(with("one_f_one_b").schedule.weight_stashing);
  CHECK_FALSE(with("pipelined").schedule.weight_stashing);
  CHECK(with("one_f_one_b", ", \"vertical_sync\": true").schedule.vertical_sync);
  const WorkloadConfig off =
      good_workload(minimal({{"/pipeline", R"({"schedule": "one_f_one_b"})"},
                             {"/training/mitigation", R"({"weight_stashing": false})"}}));
  CHECK_FALSE(off.schedule.weight_stashing);
  CHECK_FALSE(off.training.mitigation.weight_stashing);
  // These choose the backward's weights themselves; with a stash they would be refused.
  for (const char* own :
       {R"({"weight_prediction": "spectrain"})", R"({"pipemare_discrepancy_correction": true})"}) {
    const WorkloadConfig chosen = good_workload(
        minimal({{"/pipeline", R"({"schedule": "one_f_one_b"})"}, {"/training/mitigation", own}}));
    CHECK_FALSE(chosen.schedule.weight_stashing);
  }
}

TEST_CASE("A reference gives learning rate and momentum by the scaling rule") {
  const auto optimizer = [](const std::string& reference, int batch) {
    return good_workload(minimal({{"/training/optimizer", "{\"reference\": " + reference + "}"},
                                  {"/training/batch_size", std::to_string(batch)}}))
        .training.optimizer;
  };
  // The table of the rule's source: seven to eleven digits.
  const auto cifar = optimizer(R"({"batch_size": 128, "learning_rate": 0.1, "momentum": 0.9})", 1);
  CHECK(cifar.momentum == Approx(0.9991772096).epsilon(1e-9));
  CHECK(cifar.learning_rate == Approx(6.428050e-06).epsilon(1e-6));
  const auto imagenet =
      optimizer(R"({"batch_size": 256, "learning_rate": 0.1, "momentum": 0.9})", 32);
  CHECK(imagenet.momentum == Approx(0.9869162814).epsilon(1e-9));
  CHECK(imagenet.learning_rate == Approx(1.635465e-03).epsilon(1e-6));
  const auto same = optimizer(R"({"batch_size": 4, "learning_rate": 0.3, "momentum": 0.7})", 4);
  CHECK(same.momentum == 0.7);
  CHECK(same.learning_rate == 0.3);
  const auto plain = optimizer(R"({"batch_size": 4, "learning_rate": 0.4, "momentum": 0})", 1);
  CHECK(plain.momentum == 0);
  CHECK(plain.learning_rate == Approx(0.1));
}

TEST_CASE("Every schedule, loss, prediction and rate schedule is one word") {
  const WorkloadConfig w = good_workload(minimal(
      {{"/training/loss", "\"mean_squared_error\""},
       {"/dataset", R"({"format": "idx", "train_images": "i", "train_labels": "l"})"},
       {"/training/initialization", "\"he_normal\""},
       {"/training/mitigation", R"({"weight_prediction": "velocity", "prediction_horizon": 2,
           "spike_compensation": true, "spike_compensation_scale": 0.5,
           "delay": "closed_form", "gradient_shrinking": 0.9, "pipemare_learning_rate": true,
           "pipemare_anneal_epochs": 3})"},
       {"/training/optimizer/learning_rate_schedule",
        R"({"type": "multistep", "milestones": [1, 2.5], "factor": 0.5, "warmup_epochs": 0.1})"},
       {"/pipeline", R"({"partition": "per_module", "schedule": "gpipe", "pacing": "lockstep",
                         "max_in_flight": 3, "recompute": ["fc2"]})"}}));
  CHECK(w.training.loss == LossKind::mean_squared_error);
  CHECK(w.training.initialization == Initialization::he_normal);
  CHECK(w.training.mitigation.weight_prediction == WeightPrediction::velocity);
  CHECK(w.training.mitigation.prediction_horizon == 2);
  CHECK(w.training.mitigation.spike_compensation_scale == 0.5);
  CHECK(w.training.mitigation.gradient_shrinking == 0.9);
  CHECK(w.training.mitigation.pipemare_anneal_epochs == 3);
  const LearningRateSpec& rate = w.training.optimizer.learning_rate_schedule;
  CHECK(rate.type == LearningRateSchedule::multistep);
  CHECK(rate.milestones == std::vector<double>{1, 2.5});
  CHECK(rate.factor == 0.5);
  CHECK(rate.warmup_epochs == 0.1);
  CHECK(w.schedule.pacing == Pacing::lockstep);
  CHECK(w.schedule.max_in_flight == std::vector<int>{3});
  for (const StageSpec& stage : w.stages) CHECK(stage.recomputes == (stage.name == "fc2"));
  CHECK(resolved_workload(w)["pipeline"]["recompute"].dump() == R"(["fc2"])");
  CHECK(w.stages.size() == w.network.layers.size() + 1);
}

TEST_CASE("Cuts place the registers") {
  const WorkloadConfig w =
      good_workload(minimal({{"/pipeline", R"({"partition": {"cuts": ["flat", "fc1"]}})"}}));
  CHECK(w.partition.kind == PartitionKind::cuts);
  CHECK(w.stages.size() == 3);
  CHECK(good_workload(minimal({{"/pipeline", R"({"partition": {"cuts": []}})"}})).stages.size() ==
        1);
}

TEST_CASE("A network may stand in a file beside the workload") {
  const auto dir = std::filesystem::temp_directory_path() / "stagecoach_workload_test";
  std::filesystem::create_directories(dir / "networks");
  std::ofstream(dir / "networks/n.json") << R"({"input": [1,28,28], "layers": [{"type": "flatten"},
            {"type": "linear", "out_features": 10}]})";
  std::ofstream(dir / "networks/bad.json")
      << R"({"input": [1,28,28], "layers": [{"type": "linear", "out_features": 10, "bais": 1}]})";
  std::ofstream(dir / "networks/shape.json")
      << R"({"input": [1,28,28], "layers": [{"type": "linear", "out_features": 10}]})";
  const auto read = [&](const std::string& file, Issues& issues) {
    const Document d = Document::from_text((dir / "w.json").string(),
                                           minimal({{"/network", "\"" + file + "\""}}), issues);
    return read_workload(d, "", issues);
  };
  Issues good, bad, shape, missing;
  CHECK(read("networks/n.json", good).network.layers.size() == 2);
  CHECK(good.text() == "");
  read("networks/bad.json", bad);
  CHECK_THAT(bad.text(), Catch::Matchers::Contains("networks/bad.json: /layers/0/bais: unknown") &&
                             Catch::Matchers::Contains("did you mean \"bias\"?"));
  read("networks/shape.json", shape);
  CHECK_THAT(shape.text(), Catch::Matchers::Contains("networks/shape.json: /layers/0: layer "
                                                     "\"linear0\": linear needs features"));
  read("networks/none.json", missing);
  CHECK_THAT(missing.text(), Catch::Matchers::Contains("networks/none.json: no such file"));
  std::filesystem::remove_all(dir);
}

TEST_CASE("The hybrid switch falls on a whole mini-batch") {
  const auto at = [](const std::string& when, int batch, int epochs, const std::string& micro) {
    const WorkloadConfig w =
        good_workload(minimal({{"/pipeline", "{\"schedule\": \"hybrid\", " + when + "}"},
                               {"/training/batch_size", std::to_string(batch)},
                               {"/training/micro_batch_size", micro},
                               {"/training/epochs", std::to_string(epochs)}}));
    const MicroBatchPlan plan(100, epochs, batch, w.training.micro_batch_size);
    const MicroBatchId micro_batch = switch_micro_batch(w, plan);
    if (micro_batch < plan.micro_batches()) CHECK(plan.at(micro_batch).batch_begin == micro_batch);
    return micro_batch;
  };
  CHECK(at("\"switch_epoch\": 0.5", 1, 2, "1") == 50);
  CHECK(at("\"switch_share\": 0.5", 1, 2, "1") == 100);
  CHECK(at("\"switch_share\": 0.3", 1, 1, "1") == 30);
  CHECK(at("\"switch_epoch\": 0.5", 30, 1, "30") == 2);      // 4 batches in an epoch
  CHECK(at("\"switch_epoch\": 1.5", 30, 2, "8") == 14 + 8);  // 4+4+4+2 micro-batches an epoch
  CHECK(at("\"switch_epoch\": 1.3", 30, 2, "8") == 14 + 8);  // rounded up to the next batch
  CHECK(at("\"switch_epoch\": 2", 30, 2, "8") == 28);
  CHECK(at("\"switch_epoch\": 0", 30, 2, "8") == 0);
  // Every share of the run that is a whole number of batches is that number.
  for (int batches = 1; batches <= 100; ++batches) {
    const std::string share =
        std::to_string(batches / 100) + "." + std::to_string(1000 + batches % 100 * 10).substr(1);
    CAPTURE(share);
    CHECK(at("\"switch_share\": " + share, 1, 1, "1") == batches);
    CHECK(at("\"switch_share\": " + share, 1, 7, "1") == batches * 7);
  }
}

namespace {

/// Fields of `given` that `printed` lacks or gives another value.
void find_lost(const Json& given, const Json& printed, const std::string& at, std::string& lost) {
  for (const auto& [key, value] : given.items()) {
    const std::string here = at + "/" + key;
    // These become others: what they compute, or absolute paths.
    if (key[0] == '$' || key == "reference" || key == "switch_share" ||
        here.rfind("/dataset/train_", 0) == 0 || here.rfind("/dataset/test_", 0) == 0) {
      continue;
    }
    if (!printed.contains(key)) {
      lost += here + " is missing\n";
    } else if (value.is_object()) {
      find_lost(value, printed[key], here, lost);
    } else if (value != printed[key]) {
      lost += here + " was " + value.dump() + " and is " + printed[key].dump() + "\n";
    }
  }
}

}  // namespace

TEST_CASE("The resolved workload holds every field that was given, with its value") {
  for (const std::string& text : workload_samples()) {
    CAPTURE(text);
    const Json given = Json::parse(text);
    const Json printed = Json::parse(resolved_workload(good_workload(text)).dump());
    std::string lost;
    for (const char* part : {"dataset", "pipeline", "training"}) {
      if (given.contains(part)) {
        find_lost(given[part], printed[part], std::string("/") + part, lost);
      }
    }
    CHECK(lost == "");
  }
}

TEST_CASE("The resolved workload, read again, gives the same") {
  for (const std::string& text : workload_samples()) {
    CAPTURE(text);
    const WorkloadConfig first = good_workload(text);
    const std::string printed = resolved_workload(first).dump(2);
    CAPTURE(printed);
    const WorkloadConfig second = good_workload(printed);
    CHECK(resolved_workload(second).dump(2) == printed);
    CHECK(second.training.optimizer.learning_rate == first.training.optimizer.learning_rate);
    CHECK(second.training.optimizer.momentum == first.training.optimizer.momentum);
    CHECK(second.training.micro_batch_size == first.training.micro_batch_size);
    CHECK(second.switch_epoch == first.switch_epoch);
    CHECK(second.schedule.weight_stashing == first.schedule.weight_stashing);
    CHECK(second.stages.size() == first.stages.size());
  }
}

TEST_CASE("A family expands with its own defaults and the options given") {
  const auto family = [](const std::string& text) {
    return good_workload(
        minimal({{"/dataset", R"({"format": "idx", "train_images": "i", "train_labels": "l"})"},
                 {"/network", text}}));
  };
  const WorkloadConfig lenet = family(R"({"family": "lenet5", "classes": 7})");
  CHECK(lenet.network.input == Shape::image(1, 28, 28));
  CHECK(lenet.network.output() == Shape::features(7));
  const WorkloadConfig resnet = family(R"({"family": "resnet_cifar", "depth": 32})");
  CHECK(resnet.network.input == Shape::image(3, 32, 32));
  // He et al. 2015 count 32 weight layers; the two projecting shortcuts are two more.
  CHECK(resnet.stages.size() == 34);
  const auto groups = [](const WorkloadConfig& w) {
    for (const LayerNode& node : w.network.layers) {
      if (node.spec.kind == LayerKind::group_norm) return node.spec.groups;
    }
    return 0;
  };
  CHECK(groups(resnet) == 8);
  CHECK(groups(family(R"({"family": "resnet_cifar", "norm_groups": 4})")) == 4);
  CHECK(groups(family(R"({"family": "resnet_cifar", "norm_group_size": 8})")) == 2);
  CHECK(family(R"({"family": "vgg", "form": "imagenet"})").network.input ==
        Shape::image(3, 224, 224));
}

TEST_CASE("Every workload that is shipped reads without error") {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(STAGECOACH_SOURCE_DIR "/workloads")) {
    if (entry.path().extension() != ".json" || entry.path().filename() == "workload.schema.json") {
      continue;
    }
    CAPTURE(entry.path());
    ++files;
    Issues issues;
    const Document document = Document::from_file(entry.path().string(), issues);
    const WorkloadConfig workload = read_workload(document, "", issues);
    CHECK(issues.text() == "");
    CHECK_FALSE(workload.stages.empty());
  }
  CHECK(files > 0);
}
