// SPDX-License-Identifier: Apache-2.0
// The weights of one stage through time: the current version, what predictions shadow it, and the
// older versions that micro-batches in flight still need.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

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

/// Keeps flat arrays; the arithmetic is models/optimizer/update_rule.h. Used by one operation at a
/// time.
template <class T>
class StageWeights {
 public:
  /// `stash`: backward passes read what their forward read. `history`: versions besides the current
  /// one to keep for forwards that name a version.
  StageWeights(std::int64_t size, std::vector<ParameterSegment> segments,
               const UpdateRule& first_rule, bool stash, int history);

  WeightVersion version() const { return version_; }
  std::int64_t size() const { return size_; }
  T* current() { return weights_.data(); }
  const T* current() const { return weights_.data(); }
  T* gradient() { return gradient_.data(); }
  const std::vector<ParameterSegment>& segments() const { return segments_; }

  /// Call once the initial weights are written.
  void start();

  /// What a forward reads: `version` or Op::kCurrent. With stashing the result stays valid until
  /// release() of the same token.
  struct Read {
    const T* weights = nullptr;
    WeightVersion version = 0;
  };
  Read read_forward(WeightVersion version);
  /// What the backward of a micro-batch reads whose forward read `version`.
  const T* read_backward(WeightVersion forward_version) const;
  /// The micro-batch needs its version no more.
  void release(WeightVersion forward_version);

  /// Before anything of an update is written: saves the version that micro-batches still need.
  void begin_update();
  T* velocity() { return velocity_.data(); }
  T* forward_shadow() { return forward_shadow_.data(); }
  /// Applies the rule to one segment, from gradient().
  void update_segment(const UpdateRule& rule, const ParameterSegment& segment);
  /// The new version is complete.
  void end_update() { ++version_; }

 private:
  struct Kept {
    WeightVersion version = -1;  ///< -1: free
    Buffer<T> weights;
  };
  const T* forward_weights() const {
    return forward_shadow_.size() ? forward_shadow_.data() : weights_.data();
  }
  const Kept* find(WeightVersion version) const;

  std::int64_t size_;
  std::vector<ParameterSegment> segments_;
  bool stash_;
  int history_;
  WeightVersion version_ = 0;
  Buffer<T> weights_, velocity_, gradient_, forward_shadow_, backward_shadow_, delta_;
  std::vector<Kept> kept_;
  std::vector<WeightVersion> in_use_;  ///< versions read by forwards whose backward is to come
};

}  // namespace stagecoach
