// SPDX-License-Identifier: Apache-2.0
// Values and gradients of all micro-batches in flight, as the layers see them: views, whatever
// stage's memory they lie in.
#pragma once

#include <vector>

#include "models/engine/boundary_gradients.h"
#include "models/engine/micro_batch_data.h"
#include "models/engine/micro_batch_slots.h"
#include "models/engine/value_plan.h"

namespace stagecoach {

/// The value `v` of the samples of a chunk. `block`: of the micro-batch's slot at the stage that
/// makes it, where it is kept; else it lies in the workspace.
template <class T>
View<T> value_view(const ValuePlan<T>& plan, ValueId v, T* block, T* workspace, Chunk chunk) {
  const Place<T>& place = plan.values[v];
  if (!place.kept) return place.layout.view(workspace + place.offset, chunk.count);
  return place.layout.view(block + place.offset + chunk.first * place.layout.sample_stride,
                           chunk.count);
}

/// A stage opens and closes its own micro-batches; stages that exchange values read and write what
/// is open, after the operation that filled it.
template <class T>
class ValuesInFlight {
 public:
  /// `places`: of MicroBatchSlots. `plan` must outlive it.
  ValuesInFlight(const ValuePlan<T>& plan, std::int64_t places);

  MicroBatchSlot<T>& open(int stage, MicroBatchId id) { return slots_[stage].open(id); }
  MicroBatchSlot<T>& slot(int stage, MicroBatchId id) const { return slots_[stage].at(id); }
  void close(int stage, MicroBatchId id);

  View<T> value(ValueId v, MicroBatchId id, T* workspace, Chunk chunk) const {
    return value_view(plan_, v, slot(plan_.producer_stage[v], id).block.data(), workspace, chunk);
  }
  /// `first`: nobody has written to it in this pass, so its halo may hold anything.
  View<T> gradient(ValueId v, MicroBatchId id, T* workspace, Chunk chunk, bool first);
  /// Multiplies a boundary gradient by `factor`, where it is wanted.
  void scale_boundary_gradient(ValueId v, MicroBatchId id, Chunk chunk, T factor);

  /// What is in flight at one stage.
  void visit_state(StateVisitor& visitor, int stage);

 private:
  T* boundary_gradient(ValueId root, MicroBatchId id) {
    return gradients_.of(root, slot(plan_.producer_stage[root], id));
  }

  const ValuePlan<T>& plan_;
  BoundaryGradients<T> gradients_;
  std::vector<MicroBatchSlots<T>> slots_;  ///< by stage
};

}  // namespace stagecoach
