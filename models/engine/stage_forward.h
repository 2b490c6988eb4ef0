// SPDX-License-Identifier: Apache-2.0
// The forward pass through the layers of one stage, for training and for evaluation.
#pragma once

#include "models/engine/layer_clock.h"
#include "models/engine/values_in_flight.h"
#include "models/graph/network.h"
#include "models/graph/partition.h"

namespace stagecoach {

/// What a forward pass reads and writes besides values.
template <class T>
struct ForwardMemory {
  const T* weights = nullptr;
  T* statistics = nullptr;  ///< running ones of the stage; written only when training
  T* workspace = nullptr;
  const std::uint64_t* sample_keys = nullptr;  ///< of the micro-batch; null when not training
  bool training = true;
  bool again = false;  ///< ForwardArgs::again
  std::vector<LayerSeconds>* seconds = nullptr;
};

/// `block_of(k)`: the slot's block at stage k.
template <class T, class BlockOf>
void forward_stage(const Network& network, const StageSpec& spec, const ValuePlan<T>& plan,
                   int stage, const ForwardMemory<T>& memory, Chunk chunk, BlockOf&& block_of) {
  View<const T> inputs[kMaxInputs];
  T* const here = block_of(stage);
  for (int l = spec.first_layer; l < spec.end_layer; ++l) {
    const LayerNode& node = network.layers[l];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId v = node.inputs[i];
      inputs[i] = value_view(plan, v, block_of(plan.producer_stage[v]), memory.workspace, chunk);
    }
    ForwardArgs<T> args;
    args.inputs = inputs;
    args.output = value_view(plan, l + 1, here, memory.workspace, chunk);
    const Place<T>& place = plan.values[l + 1];
    if (!place.kept && place.root == l + 1) clear_halo(args.output, place.layout.halo);
    args.parameters = memory.weights + plan.parameter_offset[l];
    args.state = memory.statistics + plan.state_offset[l];
    args.saved = memory.training
                     ? here + plan.saved_offset[l] + chunk.first * plan.needs[l].saved_per_sample
                     : nullptr;
    args.scratch = memory.workspace + plan.stages[stage].scratch_offset;
    args.training = memory.training;
    args.again = memory.again;
    args.sample_keys = memory.sample_keys ? memory.sample_keys + chunk.first : nullptr;
    const LayerClock clock(memory.seconds);
    plan.layers[l]->forward(args);
    clock.add(l, &LayerSeconds::forward);
  }
}

}  // namespace stagecoach
