// SPDX-License-Identifier: Apache-2.0
// A forward pass alone, layer after layer on one core that streams from DRAM: the setting in which
// inference accelerators publish frames per second. An outside check of the core kinds, and the
// answer to "how fast would it infer"; training runs do not use it. Serves tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "models/layers/definition.h"
#include "sim/base/arithmetic.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/timing/matrix_unit.h"
#include "sim/timing/memory.h"

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
inline std::vector<InferenceStep> inference_steps(const HardwareSpec& hardware,
                                                  const Network& network);

/// Frames per second, one frame after the other.
inline double frames_per_second(const HardwareSpec& hardware, const Network& network);

namespace inference_detail {

/// A pool reads its windows; everything else passes each of its results once.
inline double stream_elements(const LayerNode& node, const LayerWork& work) {
  if (work.renames_input) return 0;
  double elements = static_cast<double>(node.output.elements());
  for (const ElementwiseWork& w : work.elementwise)
    if (w.pass == LayerPass::forward) elements = std::max(elements, w.elements);
  return elements;
}

/// Cycles of a DRAM transfer whose latency is hidden.
inline Cycles streaming_cycles(const HardwareSpec& hw, double bytes) {
  if (!hw.dram) return 0;
  DramSpec dram = *hw.dram;
  dram.latency_ns = 0;
  return dram_cycles(dram, bytes, hw.clock_mhz);
}

inline InferenceStep product_step(const HardwareSpec& hw, const LayerNode& node,
                                  const MatrixProduct& product) {
  const CoreSpec& core = hw.cores[0];
  const MatrixJob job{product, node.inputs.at(0) == kInputValue};
  const double weights = static_cast<double>(product.right.elements) * hw.elements.weights_bytes;
  const double input =
      static_cast<double>(node.input_shapes[0].elements()) * hw.elements.activations_bytes;
  const double capacity = core.weight_memory().capacity_kib * 1024;
  InferenceStep step;
  step.name = node.spec.name;
  step.matrix_cycles = matrix_cycles(job, core, hw.clock_mhz, 1);
  step.double_buffered = weights + input <= capacity / 2;
  const double times = std::max(1.0, std::ceil(weights / capacity));
  step.dram_bytes = weights + input * times;
  step.load_cycles = streaming_cycles(hw, step.dram_bytes);
  return step;
}

}  // namespace inference_detail

inline Cycles InferenceStep::cycles() const {
  if (double_buffered) return std::max({matrix_cycles, vector_cycles, load_cycles + stream_cycles});
  return load_cycles + std::max({matrix_cycles, vector_cycles, stream_cycles});
}

inline std::vector<InferenceStep> inference_steps(const HardwareSpec& hw, const Network& network) {
  const CoreSpec& core = hw.cores.at(0);
  if (core.kind == CoreKind::fixed) throw UserError("kind \"fixed\" prices no layers");
  const double bytes = hw.elements.activations_bytes;
  std::vector<InferenceStep> steps;
  double operand_bytes = 0, result_bytes = 0;  // of the step so far
  const auto close = [&] {
    if (steps.empty()) return;
    steps.back().dram_bytes += operand_bytes + result_bytes;
    steps.back().stream_cycles =
        inference_detail::streaming_cycles(hw, operand_bytes + result_bytes);
    operand_bytes = 0;
  };
  for (const LayerNode& node : network.layers) {
    const LayerWork work = work_of(node);
    for (const MatrixProduct& product : work.products) {
      if (product.pass() != LayerPass::forward) continue;
      close();
      steps.push_back(inference_detail::product_step(hw, node, product));
    }
    if (steps.empty()) continue;  // before the first product: part of preparing the input
    steps.back().vector_cycles =
        std::max(steps.back().vector_cycles,
                 cycles_at(inference_detail::stream_elements(node, work), core.vector_unit.lanes));
    for (std::size_t i = 1; i < node.input_shapes.size(); ++i) {
      operand_bytes += static_cast<double>(node.input_shapes[i].elements()) * bytes;
    }
    result_bytes = static_cast<double>(node.output.elements()) * bytes;
  }
  close();
  return steps;
}

inline double frames_per_second(const HardwareSpec& hw, const Network& network) {
  double cycles = 0;
  for (const InferenceStep& s : inference_steps(hw, network)) {
    cycles += static_cast<double>(s.cycles());
  }
  return hw.clock_mhz * 1e6 / cycles;
}

}  // namespace stagecoach
