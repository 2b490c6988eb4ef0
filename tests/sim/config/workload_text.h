// SPDX-License-Identifier: Apache-2.0
// Workload texts for the tests of sim/config.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/workload_config.h"

namespace stagecoach {
namespace test {

/// The smallest workload, with values (JSON texts) put in at JSON Pointers.
inline std::string minimal(const std::vector<std::pair<std::string, std::string>>& changes = {}) {
  Json w = Json::parse(R"({
    "dataset": {"format": "glyphs"},
    "network": {"input": [1, 28, 28], "layers": [
      {"name": "flat", "type": "flatten"},
      {"name": "fc1", "type": "linear", "out_features": 20},
      {"name": "act", "type": "relu"},
      {"name": "fc2", "type": "linear", "out_features": 10}]},
    "training": {"optimizer": {"learning_rate": 0.1}}})");
  for (const auto& change : changes) {
    w[Json::json_pointer(change.first)] = Json::parse(change.second);
  }
  return w.dump();
}

inline std::string issues_of_workload(const std::string& text) {
  Issues issues;
  const Document document = Document::from_text("dir/w.json", text, issues);
  read_workload(document, "", issues);
  return issues.text();
}

inline WorkloadConfig good_workload(const std::string& text) {
  Issues issues;
  const Document document = Document::from_text("dir/w.json", text, issues);
  WorkloadConfig workload = read_workload(document, "", issues);
  CHECK(issues.text() == "");
  return workload;
}

/// Valid workloads that between them use every table.
inline std::vector<std::string> workload_samples() {
  return {
      minimal(),
      minimal({{"/pipeline", R"({"schedule": "hybrid", "switch_share": 0.3,
                                "partition": {"cuts": ["fc1"]}, "max_in_flight": [2, 1]})"},
               {"/training/epochs", "3"},
               {"/training/batch_size", "8"},
               {"/training/optimizer",
                R"({"reference": {"batch_size": 128, "learning_rate": 0.1, "momentum": 0.9},
                    "weight_decay": 5e-4, "decay_norm_and_bias": false,
                    "learning_rate_schedule": {"type": "step", "step_epochs": 1.5}})"}}),
      minimal({{"/dataset", R"({"format": "idx", "train_images": "a", "train_labels": "b",
                   "test_images": ["c"], "test_labels": "d", "train_samples": 10,
                   "test_samples": 5, "shuffle": false,
                   "normalize": {"mean": [0.5], "std": [0.25]},
                   "augment": {"pad": 2, "random_crop": true}})"},
               {"/pipeline", R"({"schedule": "one_f_one_b", "vertical_sync": true})"},
               {"/training/mitigation", R"({"spike_compensation": true,
                   "weight_prediction": "weight_difference", "prediction_horizon": 1.5})"}}),
      minimal({{"/dataset", R"({"format": "random", "shape": [3, 8, 8], "classes": 4,
                   "train_samples": 100})"},
               {"/network", R"({"input": [3, 8, 8], "layers": [
                   {"name": "c", "type": "conv2d", "out_channels": 4, "kernel": 3, "padding": 1,
                    "stride": 2, "bias": false},
                   {"type": "group_norm", "groups": 2, "epsilon": 1e-3},
                   {"name": "r", "type": "relu"},
                   {"name": "d", "type": "conv2d", "out_channels": 4, "kernel": 3, "padding": 1},
                   {"type": "batch_norm2d", "momentum": 0.2},
                   {"name": "s", "type": "add", "inputs": ["r", "batch_norm2d4"]},
                   {"type": "online_norm"}, {"type": "filter_response_norm"},
                   {"type": "local_response_norm", "size": 3}, {"type": "layer_norm"},
                   {"type": "tanh"}, {"type": "sigmoid"}, {"type": "identity"},
                   {"type": "max_pool2d", "kernel": 2}, {"type": "dropout", "probability": 0.1},
                   {"type": "global_avg_pool2d"}]})"},
               {"/pipeline", R"({"schedule": "two_buffered_weights", "partition": "per_module"})"},
               {"/training/batch_size", "40"},
               {"/training/micro_batch_size", "2"},
               {"/training/optimizer",
                R"({"learning_rate": 0.1, "momentum": 0.9, "nesterov": true,
                    "learning_rate_schedule": {"type": "cosine", "final_learning_rate": 1e-4,
                                               "warmup_epochs": 1}})"}}),
  };
}

}  // namespace test
}  // namespace stagecoach
