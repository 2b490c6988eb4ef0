// SPDX-License-Identifier: Apache-2.0
// The machine plan: a network mapped to a chip, with every number that the simulated clock needs.
// Built by sim/plan (from hardware description, network, partition and schedule) or by a test; read
// by the SystemC modules and the reports. No SystemC, no JSON.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/graph/network.h"
#include "models/graph/partition.h"
#include "sim/base/units.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/schedule/stage_operation.h"
#include "sim/timing/cost.h"

namespace stagecoach {

/// Data that a stage sends when an operation completes.
struct Message {
  int to_stage = 0;  ///< forward: a later stage; backward: an earlier one
  ValueId value = 0;
  Bytes bytes_per_sample = 0;
};

/// One stage laid out.
struct StagePlan {
  std::string name;
  int forward_core = 0;         ///< index in MachinePlan::cores
  int backward_core = 0;        ///< the same core, unless forward and backward have hardware each
  std::vector<StageCost> cost;  ///< cost[n - 1] for a micro-batch of n samples
  std::vector<Message> forward_messages;   ///< ascending by to_stage; the next stage first
  std::vector<Message> backward_messages;  ///< gradients to producers; the stage before first
  Bytes input_bytes_per_sample = 0;        ///< from the host (stage 0 and whoever reads the input)

  Bytes weights_bytes = 0;                ///< current version
  Bytes optimizer_bytes = 0;              ///< velocity and other state that survives an update
  Bytes predicted_bytes = 0;              ///< predicted weights
  Bytes version_bytes = 0;                ///< one stashed version
  Bytes activation_bytes_per_sample = 0;  ///< held from a sample's forward to its backward
  Bytes recomputed_bytes_per_sample = 0;  ///< more of them, from its backward's start to its end
  Bytes gradient_bytes_per_sample = 0;    ///< boundary gradient waiting for its backward
  Bytes weight_gradient_bytes = 0;        ///< held while gradients accumulate or before the update
  Bytes capacity_bytes = kUnlimited<std::int64_t>;  ///< of the stage's buffers together
  /// Micro-batches that the activation buffer can hold (queued inputs and micro-batches in flight
  /// together).
  std::int64_t capacity_micro_batches = kUnlimited<std::int64_t>;
  /// Where a fused update is done in passing (CoreSpec::updates_in_passing): it writes its first
  /// weight so long after the backward began, though the new version counts from the end.
  std::optional<Cycles> first_write_after;
  DramTraffic dram;  ///< because it does not fit; already in `cost`, but for waits
  StageEvents events;
};

struct CorePlan {
  std::string name;
  int row = 0;
  int column = 0;
  double peak_macs_per_cycle = 0;  ///< of the whole rectangle that serves a stage
  std::int64_t cores = 1;          ///< physical cores of that rectangle
  int group = 0;                   ///< index in HardwareSpec::cores
  /// Length of its edge in cores where it is a node of the interconnect as a whole: a message
  /// finds floor(edge) links side by side, and passes so many hops. 1: one core is the node.
  double edge = 1;
  bool concurrent_passes = false;  ///< a datapath for each pass, beside each other
};

/// Datapaths of a core, by what datapath_of() gives.
inline constexpr int kDatapaths = 3;

/// The datapath of the core that an operation runs on: one for everything, or forward, backward and
/// (where the schedule makes it an operation) weight gradient.
inline int datapath_of(bool concurrent_passes, StageOperation operation) {
  if (!concurrent_passes) return 0;
  switch (operation) {
    case StageOperation::forward:
      return 0;
    case StageOperation::backward:
    case StageOperation::update:
      return 1;
    case StageOperation::weight_gradient:
      return 2;
  }
  return 0;
}

/// What a datapath is called where a core has several.
inline const char* datapath_name(int datapath) {
  constexpr const char* kNames[kDatapaths] = {"forward", "backward", "weight_gradient"};
  return kNames[datapath];
}

/// The interconnect of the cores. Transfer of n bytes over one link: ceil(n / width) cycles after
/// hop_latency_cycles; width 0 means unlimited (zero cycles). Between nodes with longer edges
/// there are more links (links_between) and more hops (CorePlan::edge).
struct InterconnectPlan {
  InterconnectKind kind = InterconnectKind::ideal;
  double link_bytes_per_cycle = 0;  ///< 0: unlimited
  Cycles hop_latency_cycles = 0;
  int rows = 1;
  int columns = 1;
  Copies copies = Copies::by_engine;  ///< through_host

  bool blocks_cores() const {
    return kind == InterconnectKind::through_host && copies == Copies::by_core;
  }
};

/// Links side by side between two nodes: as many as the shorter edge is long.
inline double links_between(const CorePlan& a, const CorePlan& b) {
  return std::max(1.0, std::floor(std::min(a.edge, b.edge)));
}

/// The host ingress: samples come over one channel.
struct HostPlan {
  double bytes_per_cycle = 0;  ///< 0: unlimited
  Cycles latency_cycles = 0;
};

/// The channel to DRAM, where the machine simulates it.
struct DramPlan {
  double bytes_per_cycle = 0;  ///< sustained; 0: unlimited
  Cycles latency_cycles = 0;
};

struct MachinePlan {
  double clock_mhz = 1000;
  std::vector<CorePlan> cores;
  std::vector<StagePlan> stages;
  std::vector<LayerCost> layers;  ///< one per network layer
  LayerCost loss;                 ///< in the last stage, behind its layers
  InterconnectPlan interconnect;
  HostPlan host;
  /// There where stages move data to DRAM and take turns at it. StagePlan::cost then has each
  /// operation's own transfer, as if the channel were free.
  std::optional<DramPlan> dram;
  bool forward_only = false;     ///< inference: stages have no backward and no update
  bool splits_backward = false;  ///< by the schedule: weight gradients are operations of their own
  int input_queue_micro_batches =
      2;  ///< micro-batches that may wait at a stage's input (pipeline register)
};

/// An update stays on the datapath of the operation before it.
inline int datapath_of(const MachinePlan& plan, int core, StageOperation operation) {
  const bool after_split = operation == StageOperation::update && plan.splits_backward;
  return datapath_of(plan.cores[static_cast<std::size_t>(core)].concurrent_passes,
                     after_split ? StageOperation::weight_gradient : operation);
}

/// What each stage's activation buffer holds, in micro-batches: the bounds of lockstep pacing
/// (sim/schedule/lockstep.h).
inline std::vector<std::int64_t> buffer_capacities(const MachinePlan& plan) {
  std::vector<std::int64_t> capacities;
  for (const StagePlan& stage : plan.stages) capacities.push_back(stage.capacity_micro_batches);
  return capacities;
}

}  // namespace stagecoach
