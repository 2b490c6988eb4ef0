// SPDX-License-Identifier: Apache-2.0
#include "sim/config/workload_config.h"

#include <algorithm>
#include <filesystem>

#include "models/base/rounding.h"
#include "models/optimizer/learning_rate.h"
#include "sim/config/workload_checks.h"
#include "sim/config/workload_file.h"
#include "sim/schedule/schedule_facts.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

std::string resolved_path(const fs::path& root, const std::string& path) {
  return path.empty() || fs::path(path).is_absolute() ? path : (root / path).string();
}

/// Layers from wherever they stand; problems of shapes and names are reported there.
Network resolve_network(const NetworkFile& file, const Place& at) {
  if (file.form == NetworkFile::Form::none) return {};  // reported already
  if (file.form == NetworkFile::Form::layers) return checked_network(file.spec, at);
  if (file.form == NetworkFile::Form::family) return checked_family(file.family, at);
  const fs::path folder = fs::path(at.document().label()).parent_path();
  const Document document = Document::from_file(resolved_path(folder, file.path), at.issues());
  NetworkSpec spec;
  const Place there(document, at.issues());
  if (!document.ok() || !network_table().read(document.root(), there, spec)) return {};
  return checked_network(spec, there);
}

}  // namespace

void resolve(WorkloadFile& workload) {
  TrainingFile& training = workload.training;
  OptimizerFile& optimizer = training.optimizer_file;
  if (const auto& known = optimizer.reference) {
    const ScaledHyperparameters scaled =
        scale_hyperparameters(known->learning_rate, known->momentum,
                              static_cast<double>(known->batch_size), training.batch_size);
    optimizer.given_learning_rate = scaled.learning_rate;
    optimizer.given_momentum = scaled.momentum;
    optimizer.reference.reset();
  }
  optimizer.learning_rate = optimizer.given_learning_rate.value_or(0);
  optimizer.momentum = optimizer.given_momentum.value_or(0);
  optimizer.given_momentum = optimizer.momentum;
  training.optimizer = optimizer;

  // A mitigation may choose the weights of the backward pass itself.
  const ScheduleFacts facts = schedule_facts(workload.pipeline.kind);
  MitigationFile& mitigation = training.mitigation_file;
  const bool chosen = mitigation.weight_prediction == WeightPrediction::spectrain ||
                      mitigation.pipemare_discrepancy_correction;
  mitigation.weight_stashing =
      mitigation.given_weight_stashing.value_or(facts.stashes_weights && !chosen);
  mitigation.given_weight_stashing = mitigation.weight_stashing;
  training.mitigation = mitigation;
  workload.pipeline.weight_stashing = mitigation.weight_stashing;

  training.micro_batch_size =
      training.given_micro_batch_size.value_or(facts.splits_mini_batch ? 1 : training.batch_size);
  training.given_micro_batch_size = training.micro_batch_size;
  if (const auto share = workload.pipeline.switch_share) {
    workload.pipeline.switch_epoch = *share * training.epochs;
    workload.pipeline.switch_share.reset();
  }
}

WorkloadConfig read_workload(const Document& document, const std::string& data_root,
                             Issues& issues) {
  WorkloadConfig workload;
  workload.source = std::make_shared<const Document>(document);
  if (!document.ok()) return workload;
  if (document.root().is_object() && document.root().contains("cores") &&
      !document.root().contains("training")) {
    issues.add(document.where(""), "is a hardware file; allowed: a workload (see --hw)");
    return workload;
  }
  const std::size_t before = issues.size();
  const Place root(document, issues, "", workload_table().info());
  WorkloadFile file;
  workload_table().read(document.root(), root, file);
  const fs::path folder = fs::path(document.label()).parent_path();
  workload.name = file.name.empty() ? fs::path(document.label()).stem().string() : file.name;

  workload.dataset = file.dataset;
  const fs::path data = data_root.empty() ? folder : fs::path(data_root);
  for (auto* paths : {&workload.dataset.train_images, &workload.dataset.test_images}) {
    for (std::string& path : *paths) path = resolved_path(data, path);
  }
  workload.dataset.train_labels = resolved_path(data, file.dataset.train_labels);
  workload.dataset.test_labels = resolved_path(data, file.dataset.test_labels);

  resolve(file);
  workload.training = file.training;
  workload.target_accuracy = file.training.target_accuracy;
  workload.partition = file.pipeline.partition.spec;
  workload.balanced_stages = file.pipeline.partition.balanced_stages;
  workload.schedule = file.pipeline;
  workload.switch_epoch = file.pipeline.switch_epoch;
  workload.as_read = std::make_shared<const WorkloadFile>(file);

  if (file.network.form == NetworkFile::Form::file)
    workload.network_file = resolved_path(folder, file.network.path);
  workload.network = resolve_network(file.network, root.child("network"));
  if (issues.size() != before) return workload;
  check_pipeline(file, workload.network, root);
  if (issues.size() != before) return workload;
  if (workload.balanced_stages == 0) {
    workload.stages = make_partition(workload.network, workload.partition);
  }
  check_recompute(file, workload.stages, root);
  if (issues.size() != before) return workload;
  workload.partition.recompute = file.pipeline.recompute;
  if (workload.balanced_stages == 0) {
    workload.stages = make_partition(workload.network, workload.partition);
  }
  check_stages(
      file,
      workload.stages.empty() ? workload.balanced_stages : static_cast<int>(workload.stages.size()),
      root);
  if (const auto facts = known_facts(workload.dataset)) check_dataset(workload, *facts, issues);
  return workload;
}

OrderedJson resolved_workload(const WorkloadConfig& workload) {
  WorkloadFile file = *workload.as_read;
  file.name = workload.name;
  file.dataset = workload.dataset;
  const auto absolute = [](std::string& path) {
    if (!path.empty()) path = fs::absolute(path).lexically_normal().string();
  };
  for (auto* paths : {&file.dataset.train_images, &file.dataset.test_images}) {
    for (std::string& path : *paths) absolute(path);
  }
  absolute(file.dataset.train_labels);
  absolute(file.dataset.test_labels);
  file.network.form = NetworkFile::Form::layers;
  file.network.spec = {workload.network.input, {}};
  for (const LayerNode& node : workload.network.layers) {
    file.network.spec.layers.push_back(node.spec);
  }
  return workload_table().write(file);
}

std::string located(const WorkloadConfig& workload, const std::string& message) {
  const std::size_t colon = message.find(": ");
  if (colon == std::string::npos || !workload.source) return message;
  std::string pointer = message.substr(0, colon);
  if (pointer.find_first_of(", ") != std::string::npos) return message;
  if (pointer.compare(0, 8, "dataset.") == 0) {
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    pointer.insert(0, "/");
  }
  if (pointer[0] != '/') return message;
  return workload.source->where(pointer) + message.substr(colon);
}

MicroBatchId switch_micro_batch(const WorkloadConfig& workload, const MicroBatchPlan& plan) {
  if (!workload.switch_epoch) return 0;
  const auto batches_per_epoch = plan.batches_per_epoch();
  // A share such as 0.3 of 10 batches must not become the 4th by rounding of the product.
  const auto batch = static_cast<std::int64_t>(
      rounded_ceil(*workload.switch_epoch * static_cast<double>(batches_per_epoch)));
  if (batch >= batches_per_epoch * plan.epochs()) return plan.micro_batches();
  const int micro = plan.micro_batch_size();
  const std::int64_t per_batch = (workload.training.batch_size + micro - 1) / micro;
  return batch / batches_per_epoch * plan.micro_batches_per_epoch() +
         batch % batches_per_epoch * per_batch;
}

}  // namespace stagecoach
