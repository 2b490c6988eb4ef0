// SPDX-License-Identifier: Apache-2.0
// Which weight version a forward reads, under every weight policy: one for all stages of a run.
#pragma once

#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/schedule/schedule.h"

namespace stagecoach {

class ForwardVersions {
 public:
  /// `plan` must outlive this.
  ForwardVersions(const Schedule& schedule, const MicroBatchPlan& plan);

  WeightPolicy policy() const { return policy_; }

  /// The version that the forward of micro-batch p names, which starts now at a stage that has made
  /// so many updates; Op::kCurrent: it reads the newest. With vertical sync a micro-batch's forward
  /// at stage 0 decides for all stages.
  WeightVersion named(int stage, MicroBatchId p, WeightVersion updates) {
    return names_version(policy_) ? decide(stage, p, updates) : Op::kCurrent;
  }

  /// What the next forward (micro-batch p) of the stage will read, as far as is known by now.
  WeightVersion expected(int stage, MicroBatchId p, WeightVersion updates) const;

 private:
  WeightVersion decide(int stage, MicroBatchId p, WeightVersion updates);
  WeightVersion& entry(MicroBatchId p) { return entries_[p % entries_.size()]; }
  WeightVersion entry(MicroBatchId p) const { return entries_[p % entries_.size()]; }

  WeightPolicy policy_;
  const MicroBatchPlan& plan_;
  /// vertical_sync: version of stage 0 when micro-batch p entered, at p modulo its size. An entry
  /// lives from the micro-batch's forward at stage 0 to its backward there.
  std::vector<WeightVersion> entries_;
  MicroBatchId entered_ = 0;
  WeightVersion latest_ = 0;  ///< of the last that has entered
};

}  // namespace stagecoach
