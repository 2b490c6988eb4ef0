// SPDX-License-Identifier: Apache-2.0
// First weights, drawn from the seed or taken from a file, and the way back out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/data/safetensors.h"
#include "models/engine/value_plan.h"
#include "models/graph/network.h"
#include "models/train_spec.h"

namespace stagecoach {

/// Where a layer's numbers lie, in the engine's layout.
template <class T>
struct LayerBlocks {
  T* parameters = nullptr;
  T* statistics = nullptr;  ///< running ones
};

/// The layers of a network with their numbers. Tensors are "<layer>.<parameter>" in PyTorch's
/// shapes.
template <class T>
class WeightFiles {
 public:
  /// `blocks`: by layer. `network` and `plan` must outlive it.
  WeightFiles(const Network& network, const ValuePlan<T>& plan, std::vector<LayerBlocks<T>> blocks)
      : network_(network), plan_(plan), blocks_(std::move(blocks)) {}

  /// A tensor's values depend on the seed, its own name and shape, and nothing else.
  void draw(Initialization how, std::uint64_t seed);
  /// Every tensor must be there in the right shape with finite values, and none besides: a
  /// UserError that begins with `file` names all that is wrong. Returns what there is to tell of
  /// names that were not taken as they stand (named_tensors).
  std::vector<std::string> import_tensors(const TensorMap& tensors, const std::string& file);
  TensorMap export_tensors() const;

 private:
  void clear_statistics();

  const Network& network_;
  const ValuePlan<T>& plan_;
  const std::vector<LayerBlocks<T>> blocks_;
};

/// What import_tensors() would return or throw, for a network that is not built.
template <class T>
std::vector<std::string> check_tensors(const Network& network, const TensorMap& tensors,
                                       const std::string& file);

}  // namespace stagecoach
