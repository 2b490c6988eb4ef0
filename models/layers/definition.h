// SPDX-License-Identifier: Apache-2.0
// What a kind of layer is. Each kind has one definition, beside its kernels in models/layers; the
// catalogue (models/layers/catalogue.cpp) has a line for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/layers/layer.h"
#include "models/layers/layer_resolver.h"
#include "models/layers/work.h"

namespace stagecoach {

/// How many inputs a kind takes: at most kMaxInputs.
enum class LayerInputs { one, two_or_more };

/// Of a norm that takes a mean or a mean square from the values at hand: what each covers.
struct NormalizedTogether {
  /// Values of one sample. Null: the kind takes no such mean.
  std::int64_t (*values)(const LayerNode&) = nullptr;
  bool over_samples = false;        ///< those of all samples of a micro-batch
  const char* one_value = nullptr;  ///< what becomes of the only value, and the way out, for a user
};

struct LayerDefinition {
  const char* word = nullptr;      ///< `type` in a workload file
  const char* sentence = nullptr;  ///< what it computes and keeps, for the documents
  LayerInputs inputs = LayerInputs::one;
  /// Output shape and parameters from the inputs.
  void (*infer)(LayerResolver&) = infer_same_shape;
  /// Products, elementwise operations and kept values of one sample.
  LayerWork (*work)(const LayerNode&) = nullptr;
  NormalizedTogether normalized;
  /// Elementwise work that a hardware file may state costs for; null: none of its own.
  const ElementwiseCost* cost = nullptr;
  /// What it computes, in Eigen.
  std::unique_ptr<Layer<float>> (*make_f32)(const LayerNode&) = nullptr;
  std::unique_ptr<Layer<double>> (*make_f64)(const LayerNode&) = nullptr;
  /// The same by hand, where that is measurably faster (docs/engine.md); null: nowhere. May return
  /// null for a layer that it does not serve.
  std::unique_ptr<Layer<float>> (*make_fast)(const LayerNode&) = nullptr;

  /// Kind<T>, constructed from the node.
  template <template <class> class Kind>
  void computed_by() {
    make_f32 = [](const LayerNode& n) -> std::unique_ptr<Layer<float>> {
      return std::make_unique<Kind<float>>(n);
    };
    make_f64 = [](const LayerNode& n) -> std::unique_ptr<Layer<double>> {
      return std::make_unique<Kind<double>>(n);
    };
  }
};

const LayerDefinition& definition_of(LayerKind kind);

/// The work of a layer whose shapes are known.
LayerWork work_of(const LayerNode& node);

/// Multiply-accumulates of one sample's forward pass; 0 for a layer without matrix products.
std::int64_t forward_macs(const LayerNode& node);

/// All kinds in the order of the documents.
const std::vector<LayerKind>& all_layer_kinds();

/// The word of a workload file ("conv2d"), and back; parse returns false for an unknown word.
const char* to_word(LayerKind kind);
bool parse_layer_kind(const std::string& word, LayerKind& kind);

/// The elementwise costs of all kinds, each key once, in the order of the documents.
const std::vector<const ElementwiseCost*>& elementwise_costs();

}  // namespace stagecoach
