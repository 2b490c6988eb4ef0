// SPDX-License-Identifier: Apache-2.0
// Bytes that a stage needs, class by class, and whether they fit the buffers of its cores.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/held_values.h"
#include "sim/plan/stage_price.h"

namespace stagecoach {

/// What a stage must keep under a schedule, in closed form.
struct StageSlots {
  std::int64_t activation_micro_batches = 1;  ///< activation sets held at most
  std::int64_t versions = 1;                  ///< weight versions, the current one included
  std::int64_t in_flight =
      kUnlimited<std::int64_t>;  ///< micro-batches between forward and end of backward, at most
};

/// Needs of one stage.
struct MemoryNeeds {
  Bytes weights_bytes = 0;
  Bytes optimizer_bytes = 0;
  Bytes predicted_bytes = 0;
  Bytes version_bytes = 0;  ///< one stashed version
  Bytes stashed_bytes = 0;  ///< all of them
  Bytes weight_gradient_bytes = 0;
  Bytes held_bytes_per_sample = 0;
  Bytes recomputed_bytes_per_sample = 0;
  HeldReads held_reads_per_sample;  ///< by the two halves of a backward
  Bytes input_bytes_per_sample = 0;
  Bytes gradient_bytes_per_sample = 0;
  int micro_batch_samples = 1;
  std::int64_t activation_micro_batches = 1;
  bool accumulates = false;  ///< weight gradients of several micro-batches, before the update
  bool recomputes = false;
  /// Split backward: every micro-batch in flight may hold its gradients and its recomputed values,
  /// not only one micro-batch at a time.
  bool gradients_in_flight = false;

  Bytes weight_side() const {
    return weights_bytes + optimizer_bytes + predicted_bytes + stashed_bytes +
           weight_gradient_bytes;
  }
  /// Bytes of one micro-batch in the activation buffer: its held values, or its queued input if
  /// that is larger. Split backward: with what its backward adds.
  Bytes micro_batch_bytes() const;
  /// What a running backward adds: boundary gradients and recomputed activations.
  Bytes backward_bytes_per_sample() const {
    return gradient_bytes_per_sample + recomputed_bytes_per_sample;
  }
  /// The part of a backward's addition that micro_batch_bytes() does not contain.
  Bytes backward_bytes() const {
    return gradients_in_flight ? 0 : backward_bytes_per_sample() * micro_batch_samples;
  }
  Bytes activation_side() const {
    return activation_micro_batches * micro_batch_bytes() + backward_bytes();
  }
};

MemoryNeeds memory_needs(const PlanScope& scope, int stage, const Service& backward,
                         const StageSlots& slots);

/// Buffers of the cores that a set of stages shares.
struct Pool {
  Bytes weight_capacity = kUnlimited<std::int64_t>;
  Bytes activation_capacity = kUnlimited<std::int64_t>;  ///< not used when unified
  bool unified = false;

  Bytes total() const;
};

Pool pool_of(const CoreSpec& core, std::int64_t cores);

/// What fits: one per stage of the pool.
struct Fit {
  Bytes weight_deficit_bytes = 0;      ///< of the whole pool
  Bytes activation_deficit_bytes = 0;  ///< of the whole pool
  double weight_spill = 0;             ///< share of the weight side that lies in DRAM
  double activation_spill = 0;
  std::vector<std::int64_t> capacity_micro_batches;  ///< per stage of the pool
};

/// Weights first; activations share what is left in proportion to what they ask for. `stall` gives
/// fewer micro-batches (0 when not even one fits), `spill` sends the excess to DRAM.
Fit fit_pool(const Pool& pool, const std::vector<MemoryNeeds>& needs, MemoryPolicy policy);

}  // namespace stagecoach
