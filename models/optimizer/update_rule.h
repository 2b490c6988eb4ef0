// SPDX-License-Identifier: Apache-2.0
// What a stage does with a gradient, whatever the optimizer. A rule declares what it keeps and what
// it costs, and turns gradients into weights, state and predicted weights.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "models/optimizer/fused_update.h"
#include "models/optimizer/update_declaration.h"
#include "models/stage_policy.h"
#include "models/train_spec.h"

namespace stagecoach {

/// Arrays of one segment (equal weight decay) of a stage's flat parameters; n elements each.
template <class T>
struct UpdateArrays {
  T* weights = nullptr;
  const T* gradient = nullptr;
  T* const* state = nullptr;        ///< one pointer per UpdateDeclaration::state, in order
  T* predicted_forward = nullptr;   ///< null: not declared
  T* predicted_backward = nullptr;  ///< null: not declared
  std::int64_t n = 0;
};

/// The rule of one stage.
template <class T>
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;

  /// Takes the constants of the update that ends mini-batch `batch` (from 0) with a gradient of
  /// this delay. False if they are those of the call before.
  virtual bool set(const StageDelay& delay, std::int64_t batch) = 0;
  /// Applies one update to one segment. Elementwise: any split of the arrays gives the same bits.
  virtual void apply(bool norm_or_bias, const UpdateArrays<T>& arrays) const = 0;
  /// Coefficients of the same update in fused form; nothing where this form cannot say it.
  virtual std::optional<UpdateCoefficients<T>> fused(bool norm_or_bias) const = 0;
};

/// What the rule that the workload asks for needs at a stage with this delay.
UpdateDeclaration declare_update(const TrainSpec& train, const StageDelay& delay);

/// Its rule, as declared for this delay; set() has been called for mini-batch 0.
template <class T>
std::unique_ptr<UpdateRule<T>> make_update_rule(const TrainSpec& train, const StageDelay& delay,
                                                std::int64_t batches_per_epoch);

}  // namespace stagecoach
