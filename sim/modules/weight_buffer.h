// SPDX-License-Identifier: Apache-2.0
// The weights of one stage as versions: an update becomes visible when it completes, an operation
// reads when it starts. Counts staleness and the versions that must be kept; holds no numbers.
#pragma once

#include <vector>

#include "sim/modules/interfaces.h"
#include "sim/modules/run_control.h"
#include "sim/schedule/schedule.h"
#include "sim/schedule/version_queue.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

class WeightBuffer : public sc_core::sc_module, public WeightIf {
 public:
  /// `stage` counts from the input; the references must outlive this.
  WeightBuffer(sc_core::sc_module_name name, int stage, const Schedule& schedule,
               const MicroBatchPlan& plan, RunControl& control);

  WeightVersion updates() const override { return updates_; }
  WeightVersion begin_forward(MicroBatchId micro_batch) override;
  WeightVersion last_read() const override { return last_read_; }
  void begin_backward(MicroBatchId micro_batch) override;
  Finished finish_backward(MicroBatchId micro_batch, bool update) override;
  std::int64_t stashed_versions() const override;

  /// Fills staleness, updates and the peak of stashed versions.
  void report(StageStatistics& statistics) const;

 private:
  void count_delay(std::int64_t delay);
  void note_peak() { peak_stashed_ = std::max(peak_stashed_, stashed_versions()); }

  const int stage_;
  const MicroBatchPlan& plan_;
  RunControl& control_;
  const WeightPolicy policy_;
  WeightVersion updates_ = 0;
  WeightVersion last_read_ = 0;
  MicroBatchId next_forward_ = 0;
  VersionQueue in_flight_;               ///< versions read by micro-batches in flight, oldest first
  std::int64_t distinct_in_flight_ = 0;  ///< they never decrease, so equal ones are neighbours
  std::vector<WeightVersion> batch_;     ///< versions read by micro-batches that await their update
  std::int64_t peak_stashed_ = 0;
  std::vector<std::int64_t> delays_;  ///< micro-batches by delay
  std::int64_t backward_sum_ = 0;
};

}  // namespace stagecoach
