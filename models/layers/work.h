// SPDX-License-Identifier: Apache-2.0
// The work of a layer on any hardware, as plain counts: matrix products, elementwise operations,
// and the values that it keeps from forward to backward. Cycles, bytes and joules follow from these
// counts alone (sim/timing, sim/plan). Counts are for one sample, unless said otherwise.
#pragma once

#include <cstdint>
#include <vector>

#include "models/graph/network.h"

namespace stagecoach {

/// The passes of a layer that are priced apart.
enum class LayerPass { forward, input_gradient, weight_gradient };

/// Operations per element of some elementwise work. A hardware file may state its own numbers under
/// `vector_unit.operations.<key>`; these are the defaults. An exponential counts as four.
struct ElementwiseCost {
  const char* key;
  double forward;
  double backward;
  const char* sentence;  ///< what an element is, for the documents
};

/// What an operand of a product is. It decides which memory holds it, in which precision, and
/// whether it grows with the samples of a micro-batch.
enum class OperandRole {
  weight,           ///< one for all samples
  activation,       ///< one for every sample
  gradient,         ///< of an activation; one for every sample
  weight_gradient,  ///< summed over the samples
};

struct Operand {
  OperandRole role = OperandRole::activation;
  /// Different values, over all groups: pixels that several windows share count once.
  std::int64_t elements = 0;
};

/// One extent of a product: channels (features, positions, pixels), for each place of a window.
struct Extent {
  std::int64_t channels = 1;
  std::int64_t window_rows = 1;
  std::int64_t window_columns = 1;

  std::int64_t window() const { return window_rows * window_columns; }
  std::int64_t size() const { return channels * window(); }
};

/// `groups` products result[m,n] = left[m,k] right[k,n]. Weights stand on the right. A product of
/// two activations (the scores of attention: queries times keys, groups = heads) has other values
/// on both sides for every sample.
struct MatrixProduct {
  std::int64_t groups = 1;
  Extent m, k, n;
  Operand left, right, result;
  /// Elementwise work on operands or results of the product, which moves no further data: a bias
  /// that is added, or whose gradient is summed. Null: none.
  const ElementwiseCost* fused_cost = nullptr;
  double fused_elements = 0;
  /// Of a sparse product: the multiplications that are left of m k n in all groups, for one row m
  /// (weight gradient: for one k). 0: a dense product.
  std::int64_t connections = 0;

  /// The pass that the product belongs to: what its result is says it.
  LayerPass pass() const;
  /// Multiply-accumulates.
  std::int64_t macs() const;
};

/// The product for a micro-batch of so many samples. What grows: with weights the rows m, for a
/// weight gradient the sum k, for a product of two activations the groups.
MatrixProduct for_samples(MatrixProduct product, int samples);

/// Elementwise work that reads and writes memory: a pass of its own.
struct ElementwiseWork {
  LayerPass pass = LayerPass::forward;    ///< forward, or input_gradient: the whole backward
  const ElementwiseCost* cost = nullptr;  ///< operations per element ...
  double elements = 0;                    ///< ... times these
  double elements_read = 0;
  double elements_written = 0;
};

/// What is kept from a sample's forward to its backward.
struct KeptValues {
  bool input = false;   ///< its first input, whole
  bool output = false;  ///< its output, whole
  bool sign_of_output =
      false;                 ///< a bit per element; none where its input or output is kept anyway
  double elements = 0;       ///< more values in the precision of activations: statistics
  double past_elements = 0;  ///< of these: from samples before, which no second forward finds
  double bits = 0;           ///< single bits: a random mask
  double place_bits = 0;     ///< where maxima stood; found again where every output is kept
};

struct LayerWork {
  std::vector<MatrixProduct> products;
  std::vector<ElementwiseWork> elementwise;
  KeptValues kept;
  /// The output is another name of the input: nothing is computed, moved or kept.
  bool renames_input = false;
};

/// A layer of elementwise work alone. Its forward reads its inputs and writes its output; its
/// backward reads the gradient of its output and one more value for each element of the inputs if
/// it keeps its input or output whole, and writes the gradients of its inputs.
LayerWork elementwise_work(const LayerNode& node, const ElementwiseCost& cost,
                           double forward_elements, double backward_elements,
                           const KeptValues& kept = {});

/// The same with an operation count for each element of the output, both ways.
LayerWork elementwise_work(const LayerNode& node, const ElementwiseCost& cost,
                           const KeptValues& kept = {});

/// A layer that renames its input.
LayerWork renaming_work(const LayerNode& node);

/// Products and bias of a layer y = W x + b at every output pixel (conv2d; linear has one pixel):
///   forward          m = Ho Wo       k = Cin/g Kh Kw   n = Cout/g
///   input gradient   m = Ho Wo       k = Cout/g        n = Cin/g Kh Kw
///   weight gradient  m = Cin/g Kh Kw k = Ho Wo         n = Cout/g
/// It keeps its input. `kernel` counts rows and columns of the window.
LayerWork weighted_work(const LayerNode& node, std::int64_t groups, std::int64_t kernel);

/// What conv2d and linear do to each output element where they have a bias.
inline constexpr ElementwiseCost kBiasCost{"bias", 0, 1,
                                           "Per output element of conv2d, linear and "
                                           "sparse_linear."};

}  // namespace stagecoach
