// SPDX-License-Identifier: Apache-2.0
// Versions of one stage's weights.
#include "sim/modules/weight_buffer.h"

namespace stagecoach {

WeightBuffer::WeightBuffer(sc_core::sc_module_name name, int stage, ForwardVersions& versions)
    : sc_module(name), stage_(stage), versions_(versions), ledger_(versions.policy()) {}

WeightVersion WeightBuffer::begin_forward() {
  const StageProgress& here = ledger_.progress();
  const WeightVersion named = versions_.named(stage_, here.forwards, here.updates);
  last_read_ = ledger_.begin_forward(named);
  if (keeps_forward_version(versions_.policy())) note_peak();
  return named;
}

StageLedger::Update WeightBuffer::retire(bool update) {
  const StageLedger::Update made = ledger_.retire(update);
  if (update && keeps_forward_version(versions_.policy())) note_peak();
  return made;
}

std::int64_t WeightBuffer::stashed_versions() const {
  if (!keeps_forward_version(versions_.policy())) return 0;
  const StageProgress& here = ledger_.progress();
  return ledger_.stashed_versions(versions_.expected(stage_, here.forwards, here.updates));
}

void WeightBuffer::report(StageStatistics& statistics) const {
  statistics.staleness = ledger_.staleness();
  statistics.updates = ledger_.updates();
  statistics.peak_stashed_versions = peak_stashed_;
}

}  // namespace stagecoach
