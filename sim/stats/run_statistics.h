// SPDX-License-Identifier: Apache-2.0
// What a simulated run leaves behind: integers counted by the SystemC modules. Ratios, energies and
// texts are computed from these by sim/stats/report; nothing here depends on the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/schedule/stage_operation.h"
#include "sim/schedule/staleness.h"
#include "sim/stats/stage_cycles.h"

namespace stagecoach {

/// One window of the utilization and staleness series.
struct StageWindow {
  Cycles begin = 0;
  StageCycles cycles;
  std::int64_t micro_batches = 0;  ///< backwards completed in the window
  std::int64_t staleness_sum = 0;  ///< of those micro-batches, in updates
};

/// Occupancy from a moment on, until the next sample of the same stage.
struct MemorySample {
  Cycles time = 0;
  std::int64_t activation_micro_batches = 0;
  std::int64_t gradient_micro_batches = 0;
  std::int64_t stashed_versions = 0;
  std::int64_t backward_micro_batches = 0;  ///< of a stage that recomputes: backward under way
};

struct StageStatistics {
  StageCycles cycles;
  StalenessCount staleness;
  std::int64_t forward_macs = 0;
  std::int64_t backward_macs = 0;
  std::int64_t forwards = 0;
  std::int64_t backwards = 0;
  std::int64_t updates = 0;
  std::int64_t peak_activation_samples = 0;  ///< samples held at once (queued input included)
  std::int64_t peak_gradient_samples = 0;    ///< boundary gradients waiting or in work at once
  std::int64_t peak_backward_samples = 0;    ///< from the start of their backward to its end
  Cycles recompute_cycles = 0;               ///< of backwards: the forward made again
  std::int64_t peak_activation_sets = 0;     ///< micro-batches in flight, and those being written
  std::optional<Cycles> first_weight_write;  ///< of the run
  Cycles forward_busy = 0;                   ///< by datapath, where passes are concurrent
  Cycles input_gradient_busy = 0;
  Cycles weight_gradient_busy = 0;
  std::int64_t peak_stashed_versions = 0;  ///< versions kept besides the current one
  Bytes peak_skip_bytes = 0;  ///< skip values that waited for the rest of their stage's input
  std::vector<StageWindow> windows;
  std::vector<MemorySample> memory;
};

struct LinkStatistics {
  std::string name;
  Bytes bytes = 0;
  Cycles busy_cycles = 0;
  Cycles wait_cycles = 0;  ///< micro-batches ready but the link taken
};

/// The channel to DRAM, where it is simulated.
struct DramStatistics {
  Bytes bytes = 0;
  Cycles busy_cycles = 0;
  Cycles wait_cycles = 0;  ///< of requests, until the channel served them
};

/// The end of an epoch: every stage has made the epoch's last update. Counts are from the start of
/// the run; later samples may be in the pipeline already and do not count.
struct EpochTime {
  Cycles end_cycle = 0;
  std::int64_t micro_batches = 0;
  std::int64_t samples = 0;
  std::int64_t updates = 0;  ///< of each stage
};

struct RunStatistics {
  Cycles cycles = 0;               ///< from 0 to the completion of the last operation
  std::int64_t micro_batches = 0;  ///< retired
  std::int64_t samples = 0;
  /// Between the ends of the mini-batches at 1/4 and 3/4 of the run, if as many micro-batches
  /// entered the pipeline between them as left, and the mini-batches were full ones; else nothing
  /// was steady, and both are 0.
  Cycles steady_cycles = 0;
  std::int64_t steady_samples = 0;
  Cycles first_left = 0;  ///< when the first micro-batch had left the pipeline
  std::vector<StageStatistics> stages;
  std::vector<LinkStatistics> links;
  std::optional<DramStatistics> dram;
  std::vector<EpochTime> epochs;
  Bytes host_bytes = 0;
  std::int64_t operations = 0;  ///< handed to the sink
  bool stopped_early = false;   ///< the sink asked to stop
};

/// One slice of the span trace.
struct SpanRecord {
  Cycles begin = 0;
  Cycles end = 0;
  std::int64_t micro_batch = 0;
  std::int32_t stage = 0;
  StageOperation operation = StageOperation::forward;
  std::int64_t version_read = 0;
  std::int64_t version_written = -1;  ///< updates only
};

/// Where the slices of a run go, in the order in which operations start: a micro-batch's forward at
/// a stage before its backward, that before its update. Must not throw: a report never stops a run.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void record(const SpanRecord& span) = 0;
};

/// Samples in a stage's activation buffer.
struct HeldSamples {
  std::int64_t activations = 0;  ///< from their arrival to the end of their backward
  std::int64_t gradients = 0;    ///< with a boundary gradient, waiting or in work
  std::int64_t backwards = 0;    ///< from the start of their backward to its end
};

/// Receives every change in the machine over time. A call comes when a change becomes known, so its
/// time may lie before or after the simulated time. The times of one stage's cycles, of one core's
/// operations and of one link come in order. Must not throw.
class WaveSink {
 public:
  virtual ~WaveSink() = default;
  /// Before the run: the links that link_busy() counts, in the order of RunStatistics::links.
  virtual void begin(const std::vector<std::string>& links) = 0;
  virtual void operation(const SpanRecord& span) = 0;
  /// From `time` on (until the next call) a stage's cycles are of this kind.
  virtual void cycles(int stage, Cycles time, CycleKind kind) = 0;
  /// So many samples more (fewer) are held in a stage's activation buffer, wait as gradients, and
  /// are between the start and the end of their backward.
  virtual void held(int stage, Cycles time, const HeldSamples& more) = 0;
  virtual void link_busy(int link, Cycles begin, Cycles end) = 0;
  /// The host's channel moves a micro-batch.
  virtual void host_busy(Cycles begin, Cycles end) = 0;
};

}  // namespace stagecoach
