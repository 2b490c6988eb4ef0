// SPDX-License-Identifier: Apache-2.0
// The span trace: trace.json.gz in Chrome's trace event format, which Perfetto and chrome://tracing
// open. One track per core, one slice per operation, arrows that follow a micro-batch forward and
// back.
//
// Written as the run goes, in bounded memory. One microsecond shown is one cycle of the machine, so
// that every number is exact. To follow "why did this sample meet those weights": every slice
// carries the versions that it read or wrote, every backward and update its distance from the
// forward of the same micro-batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/graph/partition.h"
#include "models/micro_batch_plan.h"
#include "sim/files/gzip_writer.h"
#include "sim/plan/machine_plan.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// A trace holds at most so many slices (about 25 MB compressed); whole micro-batches only.
constexpr std::int64_t kTraceSliceCap = 1000000;

/// The micro-batches to record: [first, end).
struct TraceWindow {
  MicroBatchId first = 0;
  MicroBatchId end = 0;
  bool capped = false;  ///< fewer than asked for, because of the cap
};

/// The micro-batches that hold the samples [from_sample, from_sample + samples) in the order of the
/// run, at most as many as make `slice_cap` slices.
TraceWindow trace_window(const MicroBatchPlan& micro_batches, int stages, std::int64_t from_sample,
                         std::int64_t samples, std::int64_t slice_cap = kTraceSliceCap);

/// Place of a micro-batch's first sample in the order of the run.
std::int64_t first_sample(const MicroBatchPlan& micro_batches, MicroBatchId id);

class ChromeTrace : public SpanSink {
 public:
  /// Writes to an open descriptor, beginning with the names of the tracks; `label` begins every
  /// message. Nothing is copied: plan, partition and micro-batches must outlive the trace.
  ChromeTrace(int descriptor, const std::string& label, const MachinePlan& plan,
              const Partition& partition, const MicroBatchPlan& micro_batches, TraceWindow window);

  void record(const SpanRecord& span) override;

  /// Completes the file. Throws UserError if anything could not be written.
  void finish();

  std::int64_t slices() const { return slices_; }

 private:
  /// The version that a micro-batch's forward read at one stage, until its update is done.
  struct ForwardRead {
    MicroBatchId micro_batch;
    WeightVersion version;
  };

  void write_names(const Partition& partition);
  void write_event(const std::string& event);
  void write_slice(const SpanRecord& span);
  void write_arrow(const SpanRecord& span);
  std::string arguments(const SpanRecord& span);
  int track(const SpanRecord& span) const;
  int track(int core, int datapath) const;
  void name_track(int track, const std::string& name, int place);

  GzipWriter file_;
  const MachinePlan& plan_;
  const MicroBatchPlan& micro_batches_;
  TraceWindow window_;
  std::vector<std::string> stage_names_;  ///< as JSON strings
  std::vector<std::vector<ForwardRead>>
      forward_reads_;  ///< per stage, the window's micro-batches in order
  std::int64_t slices_ = 0;
  bool first_event_ = true;
};

}  // namespace stagecoach
