// SPDX-License-Identifier: Apache-2.0
#include "sim/config/workload_checks.h"

#include <string>
#include <vector>

#include "sim/config/workload_config.h"

namespace stagecoach {
namespace {

// One value or one layer's weights beyond this would not fit any machine that runs this program.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

bool too_large(const LayerNode& node, std::string& what) {
  std::int64_t parameters = 0;
  for (const ParameterSpec& p : node.parameters) {
    double size = 1;
    for (const int d : p.shape) size *= d;
    parameters = size > static_cast<double>(kMaxElements) ? kMaxElements : p.elements();
    if (parameters >= kMaxElements) {
      what = "its " + p.name + " " + to_string(p.shape);
      return true;
    }
  }
  const double size = 1.0 * node.output.channels * node.output.height * node.output.width;
  if (size < static_cast<double>(kMaxElements)) return false;
  what = "its output " + to_string(node.output);
  return true;
}

/// `has_layers`: the layers stand at `at`, one by one.
Network checked(const NetworkSpec& spec, const Place& at, bool has_layers) {
  std::vector<NetworkIssue> problems;
  Network network = build_network(spec, problems);
  for (const NetworkIssue& problem : problems) {
    Place place = at;
    if (problem.layer >= 0 && has_layers) place = at.child("layers").item(problem.layer);
    if (!problem.field.empty() && (problem.layer < 0 || has_layers)) {
      place = place.child(problem.field);
    }
    const std::string name = problem.layer < 0 ? "" : network.layers[problem.layer].spec.name;
    place.report((name.empty() ? "" : "layer \"" + printable(name) + "\": ") + problem.message);
  }
  if (!problems.empty()) return network;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    std::string what;
    if (!too_large(network.layers[i], what)) continue;
    const Place place = has_layers ? at.child("layers").item(i) : at;
    place.report("layer \"" + printable(network.layers[i].spec.name) + "\": " + what +
                 " is too large; allowed: fewer than " + std::to_string(kMaxElements) +
                 " elements");
    break;  // what follows has the same cause
  }
  return network;
}

void check_cuts(const std::vector<std::string>& cuts, const Network& network, const Place& at) {
  for (const CutIssue& issue : cut_issues(network, cuts)) {
    const std::string& name = cuts[issue.cut];
    std::string nearest;
    if (issue.unknown_layer) {
      std::vector<std::string> names;
      for (const LayerNode& node : network.layers) names.push_back(node.spec.name);
      nearest = did_you_mean(name, names);
    }
    at.item(issue.cut).report("found \"" + printable(name) + "\"; " + issue.message + nearest);
  }
}

}  // namespace

Network checked_network(const NetworkSpec& spec, const Place& at) {
  return checked(spec, at, true);
}

Network checked_family(const FamilySpec& spec, const Place& at) {
  std::vector<NetworkIssue> problems;
  const NetworkSpec network = build_family(spec, problems);
  for (const NetworkIssue& problem : problems) at.child(problem.field).report(problem.message);
  return problems.empty() ? checked(network, at, false) : Network();
}

void check_pipeline(const WorkloadFile& file, const Network& network, const Place& root) {
  const PipelineFile& pipeline = file.pipeline;
  const Place at = root.child("pipeline");
  const Place stashing = root.child("training").child("mitigation").child("weight_stashing");
  const bool stashes = pipeline.weight_stashing;
  if (pipeline.kind == ScheduleKind::two_buffered_weights && stashes) {
    stashing.report("true contradicts \"schedule\": \"two_buffered_weights\" at " +
                    at.child("schedule").pointer() +
                    ", which keeps two versions of its own; leave it out");
  }
  if (pipeline.vertical_sync && !stashes) {
    stashing.report("false contradicts " + at.child("vertical_sync").pointer() +
                    ", which keeps versions; leave one out");
  }
  if (pipeline.switch_epoch && *pipeline.switch_epoch > file.training.epochs) {
    at.child("switch_epoch")
        .report("found " + shown(Json(*pipeline.switch_epoch)) + "; allowed: at most the " +
                std::to_string(file.training.epochs) + " epochs of " +
                root.child("training").child("epochs").pointer());
  }
  if (pipeline.partition.spec.kind == PartitionKind::cuts) {
    check_cuts(pipeline.partition.spec.cuts, network, at.child("partition").child("cuts"));
  }
  const std::size_t layers = network.layers.size();
  if (static_cast<std::size_t>(pipeline.partition.balanced_stages) > layers) {
    at.child("partition")
        .child("balanced")
        .report("found " + std::to_string(pipeline.partition.balanced_stages) +
                "; allowed: at most the network's " + std::to_string(layers) + " layers");
  }
}

void check_stages(const WorkloadFile& file, int stages, const Place& root) {
  const std::size_t given = file.pipeline.max_in_flight.size();
  if (given > 1 && given != static_cast<std::size_t>(stages)) {
    root.child("pipeline")
        .child("max_in_flight")
        .report("found a list of " + std::to_string(given) +
                "; allowed: one number, or a list of " + std::to_string(stages) +
                ", one for each stage");
  }
}

void check_recompute(const WorkloadFile& file, const Partition& stages, const Place& root) {
  const RecomputeSpec& recompute = file.pipeline.recompute;
  const Place at = root.child("pipeline").child("recompute");
  if (recompute.kind == RecomputeKind::stages && file.pipeline.partition.balanced_stages > 0) {
    at.report("found a list of stages; allowed with {\"balanced\": K} at " +
              root.child("pipeline").child("partition").pointer() +
              ", whose stages have no names before they are cut: \"none\" or \"all\"");
    return;
  }
  for (const RecomputeIssue& issue : recompute_issues(stages, recompute)) {
    const std::string& name = recompute.stages[issue.index];
    std::vector<std::string> names;
    for (const StageSpec& stage : stages) names.push_back(stage.name);
    at.item(issue.index)
        .report("found \"" + printable(name) + "\"; " + issue.message +
                (issue.unknown_stage ? did_you_mean(name, names) : ""));
  }
}

DatasetFacts facts_of(const Dataset& dataset) {
  return {dataset.shape(), dataset.label_facts(), dataset.target_elements()};
}

std::optional<DatasetFacts> known_facts(const DatasetSpec& spec) {
  switch (spec.format) {
    case DatasetFormat::idx:
      return std::nullopt;
    case DatasetFormat::cifar10:
      return DatasetFacts{Shape::image(3, 32, 32), {10}, 1};
    case DatasetFormat::cifar100:
      return DatasetFacts{Shape::image(3, 32, 32), {100}, 1};
    case DatasetFormat::glyphs:
      return DatasetFacts{Shape::image(1, 28, 28), {10}, 1};
    case DatasetFormat::random:
      return DatasetFacts{spec.shape, {spec.classes}, 1};
  }
  return std::nullopt;
}

namespace {

/// "dataset.train_labels" as a JSON pointer.
std::string pointer_of(const LabelFacts& labels) {
  std::string pointer = "/" + labels.role;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  return pointer;
}

/// Targets of another count than the outputs, told where they stand.
template <class Add>
void add_target_problem(const DatasetFacts& facts, const Shape& output, const std::string& last,
                        Add add) {
  const std::string targets = std::to_string(facts.target_elements);
  const std::string outputs = "the output of " + last + " is " + to_string(output);
  if (facts.labels.role.empty()) {
    add("/network", outputs + "; the data set's targets for mean_squared_error have " + targets +
                        " elements each");
    return;
  }
  add(pointer_of(facts.labels), facts.labels.path + ": found " + targets +
                                    " for each sample; allowed with mean_squared_error: " +
                                    std::to_string(output.elements()) + ", for " + outputs);
}

/// Labels that the outputs of the last layer do not cover. A label of a file is told where it
/// stands; where the format fixes the classes, the network is too small.
template <class Add>
void add_label_problem(const LabelFacts& labels, const Shape& output, const std::string& last,
                       Add add) {
  const std::string outputs = "the output of " + last + " is " + to_string(output);
  if (labels.role.empty()) {
    add("/network", outputs + "; softmax_cross_entropy needs [" + std::to_string(labels.classes) +
                        "], one for each class of the data set");
    return;
  }
  add(pointer_of(labels),
      labels.path + ": sample " + std::to_string(labels.sample) + " has label " + labels.label +
          "; allowed with softmax_cross_entropy: one whole number from 0 " + "to " +
          std::to_string(output.channels - 1) + ", for " + outputs +
          (labels.classes == 0 ? " (\"loss\": \"mean_squared_error\" takes any numbers)" : ""));
}

}  // namespace

void check_dataset(const WorkloadConfig& workload, const DatasetFacts& facts, Issues& issues) {
  const auto add = [&](const std::string& pointer, const std::string& message) {
    issues.add(workload.source ? workload.source->where(pointer) : pointer, message);
  };
  const Shape& input = workload.network.input;
  // Features and images turn into each other in C,H,W order; two images must agree.
  const bool fits = input.rank == 3 && facts.shape.rank == 3
                        ? input == facts.shape
                        : input.elements() == facts.shape.elements();
  if (!fits) {
    add("/network/input",
        "found " + to_string(input) + "; the data set's samples are " + to_string(facts.shape));
  }
  const DatasetSpec& data = workload.dataset;
  for (const auto& list : {std::make_pair("mean", data.mean), std::make_pair("std", data.std)}) {
    const std::size_t n = list.second.size();
    if (data.normalize && n != 1 && n != static_cast<std::size_t>(facts.shape.channels)) {
      add(std::string("/dataset/normalize/") + list.first,
          "found a list of " + std::to_string(n) + "; allowed: 1, or one for each of the " +
              std::to_string(facts.shape.channels) + " channels");
    }
  }
  const Shape& output = workload.network.output();
  const std::string last =
      workload.network.layers.empty()
          ? std::string("the network")
          : "layer \"" + printable(workload.network.layers.back().spec.name) + "\"";
  switch (workload.training.loss) {
    case LossKind::softmax_cross_entropy:
      if (output.pixels() != 1) {
        add("/network", "the output of " + last + " is " + to_string(output) +
                            "; softmax_cross_entropy needs [classes]");
      } else if (facts.labels.classes == 0 || output.channels < facts.labels.classes) {
        add_label_problem(facts.labels, output, last, add);
      }
      break;
    case LossKind::mean_squared_error:
      if (facts.target_elements > 0 && output.elements() != facts.target_elements) {
        add_target_problem(facts, output, last, add);
      }
      break;
  }
}

}  // namespace stagecoach
