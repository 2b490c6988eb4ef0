// SPDX-License-Identifier: Apache-2.0
// A forward pass alone, layer after layer on one core that streams from DRAM: the setting in which
// inference accelerators publish frames per second. An outside check of the core kinds, and the
// answer to "how fast would it infer"; training runs do not use it.
#pragma once

#include <string>
#include <vector>

#include "sim/config/hardware_spec.h"

namespace stagecoach {

/// One product with the layers that ride along until the next: norms (folded), activations, adds
/// and pools work on the stream of results.
struct InferenceStep {
  std::string name;
  Cycles matrix_cycles = 0;
  Cycles vector_cycles = 0;  ///< the slowest of what rides along: its units form a pipeline
  Cycles load_cycles = 0;    ///< DRAM: weights, and the input as often as it must come
  Cycles stream_cycles = 0;  ///< DRAM: results, and the other operands of adds
  double dram_bytes = 0;
  bool double_buffered = false;

  /// Double-buffered: the longest of matrix unit, vector unit and DRAM. Else the load comes first,
  /// and the rest works at once.
  Cycles cycles() const;
};

/// Steps of one frame on the first core of `hardware`. The weight buffer holds weights and input.
///   input traffic   k times the input, where 1/k of the weights fit the buffer (NVDLA's published
///                   rule)
///   overlap         a step is double-buffered if its weights and input take at most half the
///                   buffer (the condition of the double-buffering formula)
/// Latency is taken to be hidden. Throws UserError for kind fixed, which prices no layers.
std::vector<InferenceStep> inference_steps(const HardwareSpec& hardware, const Network& network);

/// Frames per second, one frame after the other.
double frames_per_second(const HardwareSpec& hardware, const Network& network);

}  // namespace stagecoach
