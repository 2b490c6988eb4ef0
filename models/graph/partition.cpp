// SPDX-License-Identifier: Apache-2.0
// Cutting a network into stages and finding what crosses the cuts.
#include "models/graph/partition.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {
namespace {

/// First layers of the stages after stage 0.
std::vector<int> cuts_per_layer(const Network& network) {
  std::vector<int> begins;
  bool seen = false;
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (!network.layers[i].has_weight_matrix()) continue;
    if (seen) begins.push_back(i);
    seen = true;
  }
  return begins;
}

/// Index of the layer; the number of layers if no layer has that name.
int layer_named(const Network& network, const std::string& name) {
  const auto& layers = network.layers;
  const auto found = std::find_if(layers.begin(), layers.end(),
                                  [&](const LayerNode& node) { return node.spec.name == name; });
  return static_cast<int>(found - layers.begin());
}

std::vector<int> cuts_named(const Network& network, const std::vector<std::string>& cuts) {
  const std::vector<CutIssue> issues = cut_issues(network, cuts);
  if (!issues.empty())
    throw UserError("cut after \"" + cuts[issues[0].cut] + "\": " + issues[0].message);
  std::vector<int> begins;
  for (const std::string& name : cuts) begins.push_back(layer_named(network, name) + 1);
  return begins;
}

std::string stage_name(const Network& network, const StageSpec& stage) {
  if (stage.first_layer == stage.end_layer) return "loss";
  for (int i = stage.first_layer; i < stage.end_layer; ++i)
    if (network.layers[i].has_weight_matrix()) return network.layers[i].spec.name;
  return network.layers[stage.first_layer].spec.name;
}

void find_crossings(const Network& network, Partition& stages) {
  const std::vector<int> stage_of = stage_of_layers(network, stages);
  auto producer = [&](ValueId v) { return v == kInputValue ? -1 : stage_of[v - 1]; };
  auto reads = [&](StageSpec& reader, int reader_index, ValueId v) {
    const int made_in = producer(v);
    if (made_in == reader_index) return;
    for (const StageInput& known : reader.inputs)
      if (known.value == v) return;
    reader.inputs.push_back({v, made_in});
    if (made_in < 0) return;
    std::vector<ValueId>& outputs = stages[made_in].outputs;
    if (!std::count(outputs.begin(), outputs.end(), v)) outputs.push_back(v);
  };
  for (int k = 0; k < static_cast<int>(stages.size()); ++k) {
    for (int i = stages[k].first_layer; i < stages[k].end_layer; ++i)
      for (ValueId v : network.layers[i].inputs) reads(stages[k], k, v);
    if (stages[k].has_loss) reads(stages[k], k, static_cast<int>(network.layers.size()));
  }
  for (StageSpec& s : stages) {
    std::sort(s.outputs.begin(), s.outputs.end());
    std::sort(s.inputs.begin(), s.inputs.end(),
              [](const StageInput& a, const StageInput& b) { return a.value < b.value; });
  }
}

void choose_recomputing(const RecomputeSpec& spec, Partition& stages) {
  const std::vector<RecomputeIssue> issues = recompute_issues(stages, spec);
  if (!issues.empty())
    throw UserError("recompute \"" + spec.stages[issues[0].index] + "\": " + issues[0].message);
  for (StageSpec& stage : stages) {
    const bool named = std::count(spec.stages.begin(), spec.stages.end(), stage.name) > 0;
    const bool has_layers = stage.first_layer < stage.end_layer;
    stage.recomputes = has_layers && (spec.kind == RecomputeKind::all || named);
  }
}

}  // namespace

std::vector<RecomputeIssue> recompute_issues(const Partition& partition,
                                             const RecomputeSpec& spec) {
  std::vector<RecomputeIssue> issues;
  for (std::size_t i = 0; i < spec.stages.size(); ++i) {
    const std::string& name = spec.stages[i];
    const auto named = [&name](const StageSpec& stage) { return stage.name == name; };
    const auto stage = std::find_if(partition.begin(), partition.end(), named);
    if (stage == partition.end())
      issues.push_back({i, true, "no stage has that name; allowed: names of stages"});
    else if (stage->first_layer == stage->end_layer)
      issues.push_back({i, false, "the stage has no layers whose forward could be made again"});
    else if (std::count(spec.stages.begin(), spec.stages.begin() + i, name) > 0)
      issues.push_back({i, false, "allowed: each stage once"});
  }
  return issues;
}

std::vector<CutIssue> cut_issues(const Network& network, const std::vector<std::string>& cuts) {
  const int layers = static_cast<int>(network.layers.size());
  std::vector<CutIssue> issues;
  int last = -1;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const int place = layer_named(network, cuts[i]);
    if (place == layers)
      issues.push_back({i, true, "no layer has that name"});
    else if (place <= last)
      issues.push_back({i, false, "allowed: cuts in the order of the layers, each once"});
    else
      last = place;
  }
  return issues;
}

Partition make_partition(const Network& network, const PartitionSpec& spec) {
  const int layers = static_cast<int>(network.layers.size());
  std::vector<int> begins;
  switch (spec.kind) {
    case PartitionKind::per_layer:
      begins = cuts_per_layer(network);
      break;
    case PartitionKind::per_module:
      for (int i = 1; i <= layers; ++i) begins.push_back(i);
      break;
    case PartitionKind::cuts:
      begins = cuts_named(network, spec.cuts);
      break;
  }
  begins.insert(begins.begin(), 0);
  Partition stages(begins.size());
  for (std::size_t k = 0; k < begins.size(); ++k) {
    stages[k].first_layer = begins[k];
    stages[k].end_layer = k + 1 < begins.size() ? begins[k + 1] : layers;
    stages[k].has_loss = k + 1 == begins.size();
    stages[k].free_loss = spec.kind == PartitionKind::cuts && stages[k].first_layer == layers;
    stages[k].name = stage_name(network, stages[k]);
  }
  find_crossings(network, stages);
  choose_recomputing(spec.recompute, stages);
  return stages;
}

std::vector<int> stage_of_layers(const Network& network, const Partition& partition) {
  std::vector<int> stage(network.layers.size(), 0);
  for (int k = 0; k < static_cast<int>(partition.size()); ++k)
    for (int i = partition[k].first_layer; i < partition[k].end_layer; ++i) stage[i] = k;
  return stage;
}

int stage_of_layer(const Partition& partition, int layer) {
  const auto ends_after = [](int l, const StageSpec& stage) { return l < stage.end_layer; };
  const auto found = std::upper_bound(partition.begin(), partition.end(), layer, ends_after);
  return static_cast<int>(found - partition.begin());
}

}  // namespace stagecoach
