// SPDX-License-Identifier: Apache-2.0
// The values that a stage keeps from a sample's forward to its backward, and those that it
// exchanges.
#pragma once

#include "models/graph/partition.h"
#include "sim/hardware/hardware_spec.h"

namespace stagecoach {

/// Bytes held per sample from its forward to its backward, every value counted once, however many
/// layers of the stage need it (some layers only rename a value). What a layer keeps stands in its
/// kind's definition (KeptValues); the loss keeps the network's output.
/// With KeptActivations::every_output instead the stage's inputs and the output of every layer,
/// with the norms' statistics and dropout's bits.
/// With KeptActivations::values_and_gradients the output of every layer of the stage that does not
/// only rename its input, once as a value and once as a gradient, and nothing else: neither inputs
/// nor statistics nor masks.
/// A stage that recomputes holds its inputs, and statistics of samples before.
Bytes held_bytes_per_sample(const Network& network, const StageSpec& stage,
                            const ElementSpec& elements);

/// Bytes per sample that a second forward makes for the backward: what the stage would hold
/// without recomputation and does not hold. 0 for a stage that does not recompute.
Bytes recomputed_bytes_per_sample(const Network& network, const StageSpec& stage,
                                  const ElementSpec& elements);

/// The bytes that each half of a backward reads. A value that both halves need counts in both; a
/// value that the second forward has read counts there.
struct HeldReads {
  Bytes input_gradient = 0;
  Bytes weight_gradient = 0;
};
HeldReads held_reads_per_sample(const Network& network, const StageSpec& stage,
                                const ElementSpec& elements);

/// Peak of the bytes per sample that the stage's forward alone needs: the values that a later layer
/// of the stage or another stage will read, and the result of the current layer. A layer that only
/// renames its input needs nothing.
Bytes working_bytes_per_sample(const Network& network, const StageSpec& stage,
                               const ElementSpec& elements);

/// Bytes per sample of all values that a stage reads from others, the network's input included.
Bytes input_bytes_per_sample(const Network& network, const StageSpec& stage,
                             const ElementSpec& elements);

/// Bytes per sample of the gradients that arrive at a stage: of every value that it hands on; with
/// a split backward also those that the weight gradients need: of every output of a layer with
/// weights. None where gradients are held with the values (values_and_gradients).
Bytes gradient_bytes_per_sample(const Network& network, const StageSpec& stage,
                                const ElementSpec& elements, bool splits_backward);

/// Whole bytes of `count` elements of `bytes` each.
Bytes whole_bytes(double count, double bytes);

}  // namespace stagecoach
