// SPDX-License-Identifier: Apache-2.0
// The network cut into pipeline stages: contiguous runs of layers, and the values that cross.
#pragma once

#include <string>
#include <vector>

#include "models/graph/network.h"

namespace stagecoach {

/// A value that a stage reads and an earlier stage (or the host: stage -1) made.
struct StageInput {
  ValueId value = kInputValue;
  int producer_stage = -1;
};

/// One pipeline stage: layers [first_layer, end_layer). The loss belongs to the last stage, which
/// may have no layer of its own (`per_module`, or a cut after the last layer).
struct StageSpec {
  std::string name;  ///< its first layer with parameters, else its first layer, else "loss"
  int first_layer = 0;
  int end_layer = 0;
  bool has_loss = false;
  /// The loss alone, behind a register that `cuts` names: it takes the output as it passes, and
  /// costs nothing.
  bool free_loss = false;
  /// Keeps its inputs only: every backward begins with the stage's forward made again.
  bool recomputes = false;
  /// Ascending by value. The one made by the stage just before is the main line; others are skips.
  std::vector<StageInput> inputs;
  /// Values made here that a later stage (or the loss in a later stage) reads, ascending.
  std::vector<ValueId> outputs;
};

using Partition = std::vector<StageSpec>;

enum class PartitionKind { per_layer, per_module, cuts };

enum class RecomputeKind { none, all, stages };

/// Which stages keep their inputs alone (StageSpec::recomputes).
struct RecomputeSpec {
  RecomputeKind kind = RecomputeKind::none;
  std::vector<std::string> stages;  ///< kind stages: their names
};

struct PartitionSpec {
  PartitionKind kind = PartitionKind::per_layer;
  std::vector<std::string> cuts;  ///< layer names after which a pipeline register stands
  RecomputeSpec recompute;
};

/// What is wrong with the cut at index `cut` of a placement vector.
struct CutIssue {
  std::size_t cut = 0;
  bool unknown_layer = false;
  std::string message;
};

/// The rules for cuts: each names a layer, in the order of the layers, each once. A cut
/// after the last layer makes the loss a stage of its own.
std::vector<CutIssue> cut_issues(const Network& network, const std::vector<std::string>& cuts);

/// What is wrong with the stage named at `index` of a RecomputeSpec.
struct RecomputeIssue {
  std::size_t index = 0;
  bool unknown_stage = false;
  std::string message;
};

/// Each name is a stage's, one with layers, and stands once.
std::vector<RecomputeIssue> recompute_issues(const Partition& partition, const RecomputeSpec& spec);

/// Cuts the network. per_layer: every layer with a weight matrix or kernel, together with the
/// parameterless and normalisation layers after it (those before the first such layer join stage
/// 0). per_module: a stage for every layer and one for the loss. cuts: a placement vector.
/// Throws UserError for the first of cut_issues() and recompute_issues().
Partition make_partition(const Network& network, const PartitionSpec& spec);

/// The stage of each layer.
std::vector<int> stage_of_layers(const Network& network, const Partition& partition);
/// The same for one layer.
int stage_of_layer(const Partition& partition, int layer);

}  // namespace stagecoach
