// SPDX-License-Identifier: Apache-2.0
// The hardware files of hw/, and work to lay on them: questions are asked of all of them alike.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "paths.h"
#include "sim/config/hardware_config.h"
#include "sim/plan/build_machine_plan.h"
#include "tests/support/networks.h"

namespace stagecoach {

/// All files but the sizes of NVDLA between and below the two released cores, which differ from
/// these in numbers alone.
inline std::vector<std::string> presets() {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(STAGECOACH_SOURCE_DIR) + "/hw")) {
    const std::string path = entry.path().string();
    const bool schema = path.find(".schema.") != std::string::npos;
    const std::string size = entry.path().stem().string().substr(0, 7);
    const bool between =
        size == "nvdla_1" || size == "nvdla_2" || size == "nvdla_3" || size == "nvdla_5";
    if (entry.path().extension() == ".json" && !schema && !between) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline Json parsed(const std::string& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

inline HardwareSpec spec_of(const Json& json, Issues& issues) {
  return read_hardware(Document::from_text("preset", json.dump(), issues), issues);
}

/// JSON Pointers of all numbers, annotations apart.
inline void find_numbers(const Json& json, const std::string& at, std::vector<std::string>& out) {
  if (json.is_number()) out.push_back(at);
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key[0] != '$') find_numbers(value, at + "/" + key, out);
    }
  }
  for (std::size_t i = 0; json.is_array() && i < json.size(); ++i) {
    find_numbers(json[i], at + "/" + std::to_string(i), out);
  }
}

/// The kinds of layers of both papers in one small network; more_kinds() has all others.
inline Network everything() {
  using K = LayerKind;
  return NetworkSketch(Shape::image(3, 16, 16))
      .conv("c1", 8, 3, 1, 1)
      .plain(K::batch_norm2d)
      .plain(K::relu, "r")
      .conv("c2", 8, 3, 1, 1)
      .group_norm(2)
      .plain(K::tanh)
      .conv("c3", 8, 3, 1, 1, "", true, 2)
      .plain(K::layer_norm)
      .plain(K::sigmoid, "s")
      .join("sum", "s", "r")
      .plain(K::online_norm)
      .pool(K::max_pool2d, 2)
      .conv("c4", 16, 3, 1, 1)
      .plain(K::filter_response_norm)
      .plain(K::local_response_norm)
      .pool(K::avg_pool2d, 2)
      .plain(K::dropout)
      .plain(K::identity)
      .plain(K::global_avg_pool2d)
      .plain(K::flatten)
      .linear("fc", 10)
      .build();
}

struct Work {
  Network net;
  int batch = 1, micro = 1;
  bool stash = false;
  std::int64_t samples = 40;
  bool forward_only = false;

  MicroBatchPlan micro_batches() const { return MicroBatchPlan(samples, 1, batch, micro); }
  Partition stages() const { return make_partition(net, {}); }
  ScheduleSpec schedule() const {
    ScheduleSpec spec;
    spec.weight_stashing = stash;
    spec.forward_only = forward_only;
    return spec;
  }
};

inline Network more_kinds() {
  using K = LayerKind;
  return NetworkSketch(Shape::image(3, 8, 8))
      .conv("c1", 4, 3, 1, 1)
      .plain(K::gelu, "g")
      .conv("c2", 4, 3, 1, 1)
      .plain(K::relu, "r")
      .join("cat", "r", "g", K::concatenate)
      .plain(K::flatten)
      .sparse_linear("sparse", 30, 20)
      .linear("fc", 10)
      .build();
}

/// Batch one on small networks; micro-batches of two and stashed versions on one that fills
/// buffers.
inline std::vector<Work> usual_work() {
  return {{everything(), 1, 1, false},
          {lenet5(), 1, 1, false},
          {vgg11_cifar(), 4, 2, true},
          {more_kinds(), 1, 1, false}};
}

inline TrainSpec with_momentum() {
  TrainSpec train;
  train.optimizer.momentum = 0.9;
  return train;
}

inline PlannedMachine planned(const HardwareSpec& hw, const Work& work) {
  const Partition stages = work.stages();
  const MicroBatchPlan micro_batches = work.micro_batches();
  const auto rules = make_schedule(work.schedule(), static_cast<int>(stages.size()), micro_batches);
  return build_machine_plan(hw, work.net, stages, micro_batches, *rules, with_momentum(),
                            FitCheck::report);
}

}  // namespace stagecoach
