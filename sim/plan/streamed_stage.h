// SPDX-License-Identifier: Apache-2.0
// Inference on a core that does not hold the network: its layers come from DRAM one after the
// other, and their results go back there.
#pragma once

#include <vector>

#include "sim/plan/stage_price.h"
#include "sim/timing/pieces.h"

namespace stagecoach {

/// The forward of one stage for a micro-batch, streamed.
struct StreamedStage {
  OpCost forward;  ///< its MACs and links are those of the stage that fits
  Bytes dram_bytes = 0;
  std::vector<LayerPassCost> layers;  ///< of the stage, in order; memory_cycles: DRAM and ports
};

/// A product with the layers behind it until the next: norms, activations, adds and pools work on
/// the stream of results. Where the vector unit works beside the matrix unit they are a pipeline,
/// as slow as its slowest; else they come one after the other, each at its price. What stands
/// before the first product of a stage streams by itself. `sharers`: equal shares of the channel to
/// DRAM. Latency of DRAM is taken to be hidden; a channel that does not hide it says so by its
/// bursts.
StreamedStage streamed_stage(const PlanScope& scope, int stage, const Service& service,
                             std::int64_t samples, std::int64_t sharers, StreamEnds ends,
                             const OpCost& fitting);

}  // namespace stagecoach
