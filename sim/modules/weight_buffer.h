// SPDX-License-Identifier: Apache-2.0
// The weight versions of one stage: an update becomes visible when it completes, and an operation
// reads when it starts. Keeps the stage's ledger; contains no weight values.
#pragma once

#include <algorithm>

#include "sim/modules/interfaces.h"
#include "sim/schedule/forward_versions.h"
#include "sim/schedule/stage_ledger.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

class WeightBuffer final : public sc_core::sc_module, public WeightIf {
 public:
  /// `stage` counts from the input; `versions` is that of all stages and must outlive this.
  WeightBuffer(sc_core::sc_module_name name, int stage, ForwardVersions& versions);

  const StageProgress& progress() const override { return ledger_.progress(); }
  WeightVersion last_read() const override { return last_read_; }
  WeightVersion begin_forward() override;
  void begin_backward() override { last_read_ = ledger_.begin_backward(); }
  void begin_weight_gradient() override { ledger_.begin_weight_gradient(); }
  StageLedger::Update retire(bool update) override;
  void pass_through() override { ledger_.pass_through(); }
  std::int64_t stashed_versions() const override;

  /// Fills staleness, updates and the peak of stashed versions.
  void report(StageStatistics& statistics) const;

 private:
  void note_peak() { peak_stashed_ = std::max(peak_stashed_, stashed_versions()); }

  const int stage_;
  ForwardVersions& versions_;
  StageLedger ledger_;
  WeightVersion last_read_ = 0;
  std::int64_t peak_stashed_ = 0;
};

}  // namespace stagecoach
