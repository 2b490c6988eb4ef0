// SPDX-License-Identifier: Apache-2.0
// Where finished operations are reported to, for a trace.
#pragma once

#include "sim/stats/run_statistics.h"

namespace stagecoach {

class SpanSink {
 public:
  virtual ~SpanSink() = default;

  /// An operation has ended. Per stage in the order of their ends; a packet's forward at a stage
  /// before its backward, that before its update. Must not throw: a report never stops a run.
  virtual void record(const SpanRecord& span) = 0;
};

}  // namespace stagecoach
