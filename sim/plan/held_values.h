// SPDX-License-Identifier: Apache-2.0
// What a stage must keep from the forward to the backward pass of a sample, and what crosses it.
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
Bytes held_bytes_per_sample(const Network& network, const StageSpec& stage,
                            const ElementSpec& elements);

/// Of these bytes, what each half of the backward reads. A value that both need is in both.
struct HeldReads {
  Bytes input_gradient = 0;
  Bytes weight_gradient = 0;
};
HeldReads held_reads_per_sample(const Network& network, const StageSpec& stage,
                                const ElementSpec& elements);

/// Bytes per sample that the stage's forward alone needs at its fullest: the values that are there and
/// still wanted, by a later layer of the stage or by another stage, and the result of the layer at
/// work. A layer that only renames needs nothing.
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
