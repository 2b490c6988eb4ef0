// SPDX-License-Identifier: Apache-2.0
// Question: does every wrong workload give one message that names the place, what was found and
// what is allowed?
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/sim/config/workload_text.h"

using namespace stagecoach;
using namespace stagecoach::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

using Changes = std::vector<std::pair<std::string, std::string>>;

/// The one message of a workload with these changes.
std::string error(const Changes& changes) {
  const std::string text = minimal(changes);
  CAPTURE(text);
  const std::string issues = issues_of_workload(text);
  CHECK(issues.find('\n') == std::string::npos);
  CHECK_THAT(issues, StartsWith("dir/w.json: /"));
  return issues;
}

std::string network_error(const std::string& layers, const std::string& input = "[1,28,28]") {
  return error({{"/network", "{\"input\": " + input + ", \"layers\": " + layers + "}"}});
}

const char* kIdx = R"({"format": "idx", "train_images": "i", "train_labels": "l"})";

}  // namespace

TEST_CASE("A misspelt key gets the nearest name") {
  CHECK(error({{"/training/epoch", "3"}}) ==
        "dir/w.json: /training/epoch: unknown field; allowed here: \"loss\", \"initialization\", "
        "\"epochs\", \"batch_size\", \"micro_batch_size\", \"seed\", \"target_accuracy\", "
        "\"optimizer\", "
        "\"mitigation\"; did you mean \"epochs\"?");
}

TEST_CASE("A field that stands in the wrong object is told its place") {
  const auto ends = [](const std::string& text) { return Catch::Matchers::EndsWith(text); };
  CHECK_THAT(error({{"/training/optimizer/spike_compensation", "true"}}),
             ends("a field of this name is at /training/mitigation/spike_compensation"));
  CHECK_THAT(error({{"/training/schedule", R"("pipelined")"}}),
             ends("a field of this name is at /pipeline/schedule"));
  CHECK_THAT(error({{"/training/nonsense", "1"}}), ends(R"("mitigation")"));
}

TEST_CASE("Missing parts are named") {
  CHECK(issues_of_workload("{}") ==
        "dir/w.json: /: required field \"dataset\" is missing; allowed: an object (dataset)\n"
        "dir/w.json: /: required field \"network\" is missing; allowed: an object (network), or a "
        "string, or an object (family)\n"
        "dir/w.json: /: required field \"training\" is missing; allowed: an object (training)");
}

TEST_CASE("Hyperparameters out of range or at odds are errors") {
  CHECK_THAT(error({{"/training/optimizer", "{}"}}),
             Contains("/training/optimizer: required field \"learning_rate\" is missing"));
  CHECK_THAT(error({{"/training/optimizer/learning_rate", "-0.1"}}), Contains("found -0.1"));
  CHECK_THAT(error({{"/training/optimizer/momentum", "1"}}), Contains("below 1"));
  CHECK_THAT(error({{"/training/optimizer/type", "\"adam\""}}), Contains("allowed: \"sgd\""));
  CHECK_THAT(error({{"/training/optimizer/decay_norm_and_bias", "false"}}),
             Contains("changes nothing without weight_decay"));
  const std::string reference = R"({"batch_size": 8, "learning_rate": 0.1, "momentum": 0.9})";
  CHECK_THAT(error({{"/training/optimizer/reference", reference}}),
             Contains("/training/optimizer/learning_rate: contradicts \"reference\""));
  CHECK_THAT(
      error({{"/training/optimizer", "{\"momentum\": 0.5, \"reference\": " + reference + "}"}}),
      Contains("/training/optimizer/momentum: contradicts \"reference\""));
  CHECK_THAT(error({{"/training/optimizer", R"({"reference": {"batch_size": 0,
                     "learning_rate": 1, "momentum": 0}})"}}),
             Contains("/training/optimizer/reference/batch_size: found 0"));
  CHECK_THAT(error({{"/training/optimizer/learning_rate_schedule",
                     R"({"type": "multistep", "milestones": [2, 1]})"}}),
             Contains("/milestones/1: not above the milestone before"));
  CHECK_THAT(error({{"/training/batch_size", "4"}, {"/training/micro_batch_size", "5"}}),
             Contains("/training/micro_batch_size: found 5; allowed: at most the 4 of "
                      "/training/batch_size"));
  CHECK_THAT(error({{"/training/epochs", "2147483648"}}), Contains("from 1 to 1000000"));
  CHECK_THAT(error({{"/training/seed", "-1"}}), Contains("found -1"));
}

TEST_CASE("Nesterov's momentum without any is an error") {
  const std::string wrong = "/training/optimizer/nesterov: changes nothing without momentum";
  CHECK_THAT(error({{"/training/optimizer/nesterov", "true"}}), Contains(wrong));
  CHECK_THAT(
      error({{"/training/optimizer/nesterov", "true"}, {"/training/optimizer/momentum", "0"}}),
      Contains(wrong));
  const auto reference = [](const std::string& momentum) {
    return "{\"nesterov\": true, \"reference\": {\"batch_size\": 8, \"learning_rate\": 0.1, "
           "\"momentum\": " +
           momentum + "}}";
  };
  CHECK_THAT(error({{"/training/optimizer", reference("0")}}), Contains(wrong));
  good_workload(minimal({{"/training/optimizer", reference("0.9")}}));
}

TEST_CASE("Mitigations that contradict each other or change nothing are errors") {
  const auto mitigation = [](const std::string& fields) {
    return error({{"/training/mitigation", "{" + fields + "}"}});
  };
  CHECK_THAT(mitigation(R"("prediction_horizon": 2)"),
             Contains("prediction_horizon: changes nothing without weight_prediction"));
  CHECK_THAT(mitigation(R"("spike_compensation_scale": 2)"),
             Contains("changes nothing without spike_compensation"));
  CHECK_THAT(mitigation(R"("pipemare_anneal_epochs": 2)"),
             Contains("changes nothing without pipemare_learning_rate"));
  CHECK_THAT(mitigation(R"("pipemare_decay": 0.2)"),
             Contains("changes nothing without pipemare_discrepancy_correction"));
  CHECK_THAT(mitigation(R"("weight_prediction": "spectrain", "weight_stashing": true)"),
             Contains("weight_stashing: true contradicts \"weight_prediction\""));
  CHECK_THAT(mitigation(R"("pipemare_discrepancy_correction": true, "weight_stashing": true)"),
             Contains("weight_stashing: true contradicts \"pipemare_discrepancy_correction\""));
  CHECK_THAT(
      mitigation(R"("pipemare_discrepancy_correction": true, "weight_prediction": "spectrain")"),
      Contains("pipemare_discrepancy_correction: contradicts"));
  CHECK_THAT(mitigation(R"("gradient_shrinking": 1.5)"), Contains("from 0 to 1"));
  CHECK_THAT(mitigation(R"("delay": "measured")"), Contains("delay: changes nothing without"));
  CHECK_THAT(mitigation(R"("delay": "measured", "weight_prediction": "spectrain")"),
             Contains("delay: \"measured\" does not go with"));
  CHECK_THAT(mitigation(R"("delay": "mesured", "spike_compensation": true)"), Contains("measured"));
  CHECK_THAT(mitigation(R"("weight_prediction": "velocty")"),
             Contains("did you mean \"velocity\""));
  CHECK_THAT(error({{"/training/mitigation", R"({"spike_compensation": true})"},
                    {"/training/optimizer/nesterov", "true"},
                    {"/training/optimizer/momentum", "0.9"}}),
             Contains("/training/optimizer/nesterov: true contradicts "
                      "/training/mitigation/spike_compensation"));
}

TEST_CASE("Pipelines at odds with themselves, the training or the network are errors") {
  const auto pipeline = [](const std::string& fields, Changes more = {}) {
    more.insert(more.begin(), {"/pipeline", "{" + fields + "}"});
    return error(more);
  };
  CHECK_THAT(pipeline(R"("schedule": "hybrid")"), Contains("found neither"));
  CHECK_THAT(pipeline(R"("schedule": "hybrid", "switch_epoch": 1, "switch_share": 0.5)"),
             Contains("found both"));
  CHECK_THAT(pipeline(R"("schedule": "hybrid", "switch_epoch": 2)"),
             Contains("/pipeline/switch_epoch: found 2; allowed: at most the 1 epochs of "
                      "/training/epochs") ||
                 Contains("found 2.0; allowed: at most the 1 epochs"));
  CHECK_THAT(pipeline(R"("schedule": "gpipe", "switch_epoch": 1)"),
             Contains("it belongs to schedule \"hybrid\""));
  CHECK_THAT(pipeline(R"("vertical_sync": true)"),
             Contains("it belongs to schedule \"one_f_one_b\""));
  CHECK_THAT(pipeline(R"("schedule": "one_f_one_b", "vertical_sync": true)",
                      {{"/training/mitigation", R"({"weight_stashing": false})"}}),
             Contains("/training/mitigation/weight_stashing: false contradicts "
                      "/pipeline/vertical_sync"));
  CHECK_THAT(pipeline(R"("schedule": "two_buffered_weights")",
                      {{"/training/mitigation", R"({"weight_stashing": true})"}}),
             Contains("/training/mitigation/weight_stashing: true contradicts") &&
                 Contains("/pipeline/schedule"));
  CHECK_THAT(pipeline(R"("max_in_flight": [1, 2, 3])"),
             Contains("/pipeline/max_in_flight: found a list of 3; allowed: one number, or a list "
                      "of 2"));
  CHECK_THAT(pipeline(R"("partition": {"cuts": ["fc3"]})"),
             Contains("/pipeline/partition/cuts/0: found \"fc3\"; no layer has that name; did you "
                      "mean \"fc1\"?"));
  CHECK_THAT(pipeline(R"("partition": {"cuts": ["fc2", "fc2"]})"), Contains("each once"));
  CHECK_THAT(pipeline(R"("schedule": "gpipe", "turnaround": 2)"), Contains("/pipeline/turnaround"));
  CHECK_THAT(
      pipeline(R"("recompute": ["fc1", "fc3"])"),
      Contains("/pipeline/recompute/1: found \"fc3\"; no stage has that name; allowed: names "
               "of stages; did you mean \"fc1\"?"));
  CHECK_THAT(pipeline(R"("recompute": ["fc1", "fc1"])"),
             Contains("/pipeline/recompute/1: found \"fc1\"; allowed: each stage once"));
  CHECK_THAT(pipeline(R"("recompute": [])"), Contains("/pipeline/recompute"));
  CHECK_THAT(pipeline(R"("partition": "per_module", "recompute": ["loss"])"),
             Contains("/pipeline/recompute/0: found \"loss\"; the stage has no layers"));
  CHECK_THAT(pipeline(R"("partition": {"cuts": ["act", "fc1"]})"),
             Contains("cuts/1: found \"fc1\"; allowed: cuts in the order of the layers"));
  CHECK_THAT(pipeline(R"("partition": {"cuts": ["fc1", "fc1"]})"), Contains("each once"));
  CHECK_THAT(pipeline(R"("partition": {"balanced": 0})"),
             Contains("/pipeline/partition/balanced: found 0; allowed: an integer from 1"));
  CHECK_THAT(pipeline(R"("partition": {"balanced": 99})"),
             Contains("/pipeline/partition/balanced: found 99; allowed: at most the network's"));
  CHECK_THAT(pipeline(R"("partition": {"balanced": 1, "cuts": []})"), Contains("found both"));
  CHECK_THAT(pipeline(R"("partition": {})"), Contains("found neither"));
  CHECK_THAT(pipeline(R"("partition": "per_layr")"), Contains("did you mean \"per_layer\"?"));
}

TEST_CASE("Networks whose names or shapes do not work are blamed at the layer's field") {
  CHECK_THAT(network_error(R"([{"type": "linear", "out_features": 10}])"),
             Contains("/network/layers/0: layer \"linear0\": linear needs features"));
  CHECK_THAT(network_error(R"([{"type": "conv2d", "out_channels": 2, "kernel": 29},
                               {"type": "global_avg_pool2d"}])"),
             Contains("/network/layers/0/kernel: layer \"conv2d0\": found 29, larger than"));
  CHECK_THAT(network_error(R"([{"type": "flatten", "name": "a"}, {"type": "relu", "name": "a"}])"),
             Contains("/network/layers/1/name: layer \"a\": found \"a\" a second time"));
  CHECK_THAT(network_error(R"([{"type": "flatten"}, {"type": "relu", "inputs": ["x"]}])"),
             Contains("/network/layers/1/inputs: layer \"relu1\": found \"x\""));
  CHECK_THAT(network_error("[]"), Contains("/network/layers: found a list of 0"));
  CHECK_THAT(network_error(R"([{"type": "flatten"}])", "[1, 28]"), Contains("[channels, rows"));
  CHECK_THAT(network_error(R"([{"type": "flatten"}])", "[65537, 2, 2]"),
             Contains("at most [65536"));
  CHECK_THAT(network_error(R"([{"type": "conv2d", "out_channels": 65536, "kernel": 1},
                               {"type": "max_pool2d", "kernel": 2}, {"type": "flatten"}])",
                           "[1, 16384, 16384]"),
             Contains("/network/layers/0: layer \"conv2d0\": its output [65536,16384,16384] is too "
                      "large"));
  CHECK_THAT(error({{"/network", R"({"family": "lenet"})"}}), Contains("did you mean \"lenet5\"?"));
  CHECK_THAT(error({{"/network", R"({"family": "resnet_cifar", "depth": 21})"}}),
             Contains("/network/depth: found 21; allowed: 6n+2"));
  CHECK_THAT(error({{"/network", R"({"family": "lenet5", "depth": 5})"}}),
             Contains("this field does not belong here"));
  CHECK_THAT(error({{"/network", R"({"family": "vgg", "norm_groups": 4})"}}),
             Contains("/network/norm_groups: changes nothing without \"norm\": \"group_norm\""));
  CHECK_THAT(error({{"/network", R"({"family": "resnet_cifar", "norm_groups": 4,
                                     "norm_group_size": 4})"}}),
             Contains("needs exactly one of the two"));
  CHECK_THAT(error({{"/network", R"({"family": "lenet5", "input": [1, 4, 4]})"}}),
             Contains("dir/w.json: /network: layer \"conv2\": "));
}

TEST_CASE("Data sets at odds with themselves or the network are errors") {
  CHECK_THAT(error({{"/dataset", R"({"format": "idx", "train_images": "i"})"}}),
             Contains("required field \"train_labels\" is missing"));
  CHECK_THAT(error({{"/dataset", R"({"format": "idx", "train_images": ["a", "b"],
                                     "train_labels": "l"})"}}),
             Contains("/dataset/train_images: found a list of 2; allowed: one file"));
  CHECK_THAT(error({{"/dataset", kIdx},
                    {"/dataset/test_images", "[\"a\", \"b\"]"},
                    {"/dataset/test_labels", "\"l\""}}),
             Contains("/dataset/test_images: found a list of 2; allowed: one file"));
  CHECK_THAT(error({{"/dataset", kIdx}, {"/dataset/test_images", "\"t\""}}),
             Contains("test_images and test_labels need each other"));
  CHECK_THAT(error({{"/dataset/train_images", "\"i\""}}),
             Contains("it belongs to format \"idx\", \"cifar10\", \"cifar100\""));
  CHECK_THAT(error({{"/dataset/augment", R"({"pad": 4})"}}),
             Contains("/dataset/augment: pad 4 and random_crop false change nothing"));
  CHECK_THAT(error({{"/dataset/normalize", R"({"mean": [0.1, 0.2], "std": [1]})"}}),
             Contains("found 2 in mean and 1 in std"));
  CHECK_THAT(error({{"/dataset/train_samples", "0"}}), Contains("from 1 to 2147483647"));
  CHECK_THAT(error({{"/network/input", "[3,28,28]"}}),
             Contains("/network/input: found [3,28,28]; the data set's samples are [1,28,28]"));
  CHECK_THAT(error({{"/network/layers/3/out_features", "9"}}),
             Contains("the output of layer \"fc2\" is [9]; softmax_cross_entropy needs [10]"));
  CHECK_THAT(error({{"/dataset/format", "\"cifar10\""}, {"/dataset/train_images", "\"x\""}}),
             Contains("the data set's samples are [3,32,32]"));
  CHECK_THAT(error({{"/training/loss", "\"mean_squared_error\""}}),
             Contains("is [10]; the data set's targets for mean_squared_error have 1 elements"));
}

TEST_CASE("Facts of loaded data are held against the network") {
  const WorkloadConfig w = good_workload(
      minimal({{"/dataset", kIdx}, {"/dataset/normalize", R"({"mean": [1,2], "std": [1,2]})"}}));
  const auto issues_with = [&](const DatasetFacts& facts) {
    Issues issues;
    check_dataset(w, facts, issues);
    return issues.text();
  };
  CHECK_THAT(issues_with({Shape::image(1, 28, 28), {10}, 1}),
             Contains("dir/w.json: /dataset/normalize/mean: found a list of 2; allowed: 1, or one "
                      "for each of the 1 channels"));
  CHECK(issues_with({Shape::image(2, 28, 28), {7}, 1}) ==
        "dir/w.json: /network/input: found [1,28,28]; the data set's samples are [2,28,28]");
  // Labels of a file are blamed where they stand, and not the network or the loss.
  const auto label = [&](int classes, const std::string& found) {
    return issues_with(
        {Shape::image(2, 28, 28), {classes, "dataset.test_labels", "l.idx", 5, found}, 1});
  };
  CHECK_THAT(label(12, "11"), Contains("dir/w.json: /dataset/test_labels: l.idx: sample 5 has "
                                       "label 11; allowed with softmax_cross_entropy: one whole "
                                       "number from 0 to 9, for the output of layer \"fc2\""));
  for (const char* found : {"-1", "2.5", "[0, 0, 1]"})
    CHECK_THAT(label(0, found), Contains("sample 5 has label " + std::string(found) + "; allowed"));
  // So are targets of another count.
  const WorkloadConfig squares =
      good_workload(minimal({{"/dataset", kIdx}, {"/training/loss", "\"mean_squared_error\""}}));
  Issues targets;
  check_dataset(squares,
                {squares.network.input, {0, "dataset.train_labels", "t.idx", 0, "[1, 2]"}, 2},
                targets);
  CHECK_THAT(targets.text(), Contains("/dataset/train_labels: t.idx: found 2 for each sample; "
                                      "allowed with mean_squared_error: 10, for the output of "
                                      "layer \"fc2\" is [10]"));
  const WorkloadConfig features =
      good_workload(minimal({{"/dataset", kIdx},
                             {"/network/input", "[784]"},
                             {"/network/layers/0/type", "\"identity\""}}));
  Issues none;
  check_dataset(features, {Shape::image(1, 28, 28), {10}, 1}, none);
  CHECK(none.text() == "");
}

TEST_CASE("A wrong field of a layer is told the fields of its own kind, each once") {
  const auto allowed = [](const Changes& changes) {
    const std::string text = issues_of_workload(minimal(changes));
    const std::size_t at = text.find("allowed here: ");
    return at == std::string::npos ? text : text.substr(at, text.find('\n', at) - at);
  };
  const std::string own =
      "allowed here: \"name\", \"type\", \"inputs\", \"out_features\", \"bias\"";
  CHECK(allowed({{"/network/layers/1/foo", "1"}}) == own);
  // A misspelt kind is the one that is meant.
  const Changes misspelt = {{"/network/layers/1/foo", "1"},
                            {"/network/layers/1/type", "\"lineer\""}};
  CHECK(allowed(misspelt) == own);
  CHECK_THAT(issues_of_workload(minimal(misspelt)), Contains("did you mean \"linear\""));
  const std::string any =
      allowed({{"/network/layers/1/foo", "1"}, {"/network/layers/1/type", "7"}});
  CHECK(any == "allowed here: \"name\", \"type\", \"inputs\" and the fields of its \"type\"");
  // Fields of some kind are no second error where the kind is not known.
  CHECK_THAT(error({{"/network/layers/1/type", "\"zebra\""}}), !Contains("out_features"));
}

TEST_CASE("Options that override are blamed by their own name") {
  Issues issues;
  Document d = Document::from_text("dir/w.json", minimal(), issues);
  Override epochs;
  REQUIRE(parse_override("workload/training/epochs=-3", epochs, issues) == "workload");
  d.apply(epochs, issues);
  read_workload(d, "", issues);
  CHECK(issues.text() ==
        "--set workload/training/epochs: found -3; allowed: an integer from 1 to "
        "1000000");
}

TEST_CASE("Errors of all parts are told together") {
  const std::string issues = issues_of_workload(minimal({{"/training/epochs", "0"},
                                                         {"/dataset/shuffle", "1"},
                                                         {"/pipeline", "\"gpipe\""},
                                                         {"/network/layers/1/out_features", "0"},
                                                         {"/nam", "1"}}));
  CHECK(std::count(issues.begin(), issues.end(), '\n') == 4);
}

TEST_CASE("Messages about fields get their place, others stay") {
  const WorkloadConfig w = good_workload(minimal());
  CHECK(located(w, "dataset.train_images: x.gz: no such file") ==
        "dir/w.json: /dataset/train_images: x.gz: no such file");
  CHECK(located(w, "/pipeline/max_in_flight: found 0") ==
        "dir/w.json: /pipeline/max_in_flight: found 0");
  CHECK(located(w, "dataset.a, dataset.b: both") == "dataset.a, dataset.b: both");
  CHECK(located(w, "no field here") == "no field here");
  CHECK(located(w, "") == "");
}

TEST_CASE("A hardware file in place of a workload is one error") {
  CHECK(issues_of_workload(R"({"clock_mhz": 1, "cores": []})") ==
        "dir/w.json: /: is a hardware file; allowed: a workload (see --hw)");
}
