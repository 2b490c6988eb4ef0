// SPDX-License-Identifier: Apache-2.0
// The weights of one stage over time: the current version, the state of its update rule, predicted
// weights, and the older versions that micro-batches in flight still need.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/base/tensor.h"
#include "models/op.h"
#include "models/optimizer/update_rule.h"

namespace stagecoach {

/// A run of a stage's flat parameters that share a weight decay.
struct ParameterSegment {
  std::int64_t offset = 0;
  std::int64_t size = 0;
  bool norm_or_bias = false;
  int layer = 0;
};

/// Keeps flat arrays of `size` elements; the arithmetic is the update rule's, which declares which
/// arrays there are. Used by one operation at a time.
template <class T>
class StageWeights {
 public:
  /// `segments`: in memory order, those of a layer next to each other.
  StageWeights(std::int64_t size, std::vector<ParameterSegment> segments, const TrainSpec& train,
               const StagePolicy& policy, std::int64_t batches_per_epoch);

  WeightVersion version() const { return version_; }
  std::int64_t size() const { return size_; }
  T* current() { return weights_.data(); }
  const T* current() const { return weights_.data(); }
  T* gradient() { return gradient_.data(); }
  const UpdateDeclaration& declaration() const { return declaration_; }

  /// Call once the initial weights are written.
  void start();

  /// What a forward reads: `version` or Op::kCurrent. With stashing the result stays valid until
  /// release() of the same token.
  struct Read {
    const T* weights = nullptr;
    WeightVersion version = 0;
  };
  Read read_forward(WeightVersion version);
  /// The weights that a backward reads, where the forward of the same micro-batch read
  /// `forward_version`.
  const T* read_backward(WeightVersion forward_version) const;
  /// The micro-batch needs its version no more.
  void release(WeightVersion forward_version);

  /// Call before the update that ends mini-batch `batch`, with a gradient of this delay, writes
  /// anything. Saves the version that micro-batches still need, and takes the update's constants.
  void begin_update(const StageDelay& delay, std::int64_t batch);
  /// True if the rule has a fused form for the current update.
  bool fuses() const { return !coefficients_.empty(); }
  /// For the kernels of a layer with parameters, which update its weights in place of end_update().
  /// `offset`: of the layer's block in the stage's parameters.
  FusedUpdate<T> fused_update(int layer, std::int64_t offset);
  /// Updates, from gradient(), the weights that no fused update has written. Then the new version
  /// is complete.
  void end_update();

  /// Between two operations.
  void visit_state(StateVisitor& visitor);

 private:
  struct Kept {
    WeightVersion version = kFree;
    Buffer<T> weights;
  };
  static constexpr WeightVersion kFree = -1;

  const T* forward_weights() const {
    return predicted_forward_.size() ? predicted_forward_.data() : weights_.data();
  }
  const Kept* find(WeightVersion version) const;
  Kept& free_place();
  void keep_version();
  void take_coefficients();
  void update_segment(const ParameterSegment& segment);
  void visit_versions(StateVisitor& visitor);

  std::int64_t size_;
  std::vector<ParameterSegment> segments_;
  StagePolicy policy_;
  UpdateDeclaration declaration_;
  std::unique_ptr<UpdateRule<T>> rule_;
  WeightVersion version_ = 0;
  Buffer<T> weights_, gradient_, predicted_forward_, predicted_backward_;
  std::vector<Buffer<T>> state_;  ///< by UpdateDeclaration::state
  std::vector<Kept> kept_;
  std::vector<WeightVersion> in_use_;  ///< versions read by forwards whose backward is to come

  std::vector<UpdateCoefficients<T>> coefficients_;  ///< by segment; empty: no fused form
  std::vector<char> fused_;                          ///< by segment, within an update
  std::vector<T*> state_at_;                         ///< of the segment that is being updated
};

}  // namespace stagecoach
