// SPDX-License-Identifier: Apache-2.0
// trace.perfetto.gz: what the machine does over time in Perfetto's own format (a protobuf stream of
// TracePacket, gzipped), for ui.perfetto.dev and for SQL with its trace processor. Tracks:
//
//   stages   of each stage: operations (two tracks where forward and backward have cores each) with
//            sample and weight versions, stalls by cause, and counters: samples_held,
//            activations_bytes, gradients_bytes (as in memory.csv), weight_version, staleness (at
//            every update), utilization (percent, by window of time)
//   links    busy, of each link; host: the way in
//
// Timestamps are nanoseconds of the machine's clock, rounded where a cycle is no whole number of
// them; every slice carries its begin and length in cycles, exactly. The machine books ahead of
// time, so events are kept, up to a cap of operations, and written sorted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/plan/machine_plan.h"
#include "sim/trace/chrome_trace.h"

namespace stagecoach {

class PerfettoTrace : public WaveSink {
 public:
  /// Shows the time from the first forward of the window's first micro-batch (0 if that is the
  /// first of the run) to the end of the last operation of its last micro-batch. Plan and
  /// micro-batches must outlive this.
  PerfettoTrace(const MachinePlan& plan, const MicroBatchPlan& micro_batches, TraceWindow window);

  void begin(const std::vector<std::string>& links) override;
  void operation(const SpanRecord& span) override;
  void cycles(int stage, Cycles time, CycleKind kind) override;
  void held(int stage, Cycles time, const HeldSamples& more) override;
  void link_busy(int link, Cycles begin, Cycles end) override;
  void host_busy(Cycles begin, Cycles end) override;

  /// Writes to an open descriptor; the run ended at `run_end`. `label` begins every message. Throws
  /// UserError if anything could not be written.
  void write(int descriptor, const std::string& label, Cycles run_end);

 private:
  /// Something that lasts on a track.
  struct Slice {
    Cycles begin = 0;
    Cycles end = 0;
    std::uint64_t track = 0;
    CycleKind kind = CycleKind::idle;  ///< of stalls
    int operation = -1;                ///< index into operations_; -1: a stall or a transfer
  };
  /// A counter that grows by, or becomes, a value.
  struct Change {
    Cycles time = 0;
    std::uint64_t track = 0;
    double value = 0;
    bool adds = false;
  };
  struct Operation {
    SpanRecord span;
    std::int64_t staleness = -1;  ///< of updates; -1: not known
  };
  /// The tracks and the state of one stage.
  struct Stage {
    std::uint64_t forward = 0, backward = 0, stalls = 0, counters = 0;
    Cycles since = 0;
    CycleKind kind = CycleKind::idle;
    std::vector<std::int64_t> forward_versions;  ///< read by the window's micro-batches, in order
    double activations = 0, gradients = 0;       ///< samples held when the window opens
  };
  /// A packet, and where it stands in the file.
  struct Packet {
    Cycles time = 0;
    int rank = 0;  ///< in one moment: ends before beginnings
    std::string bytes;
  };

  std::uint64_t declare(const std::string& name, std::uint64_t parent, int rank);
  std::uint64_t declare_counter(const std::string& name, std::uint64_t parent, int rank,
                                const char* unit);
  void end_state(Stage& stage, Cycles time);
  void forget_until(Cycles time);
  void put_slice(std::vector<Packet>& packets, const Slice& slice) const;
  void put_counter(std::vector<Packet>& packets, std::uint64_t track, Cycles time,
                   double value) const;
  void put_changes(std::vector<Packet>& packets);
  void put_utilization(std::vector<Packet>& packets) const;
  std::string event(Cycles time, std::string track_event) const;
  std::string opening(Cycles run_end) const;

  const MachinePlan& plan_;
  const MicroBatchPlan& micro_batches_;
  const TraceWindow window_;
  std::string declarations_;
  std::uint64_t tracks_ = 1;  ///< 1: the machine
  std::vector<Stage> stages_;
  std::uint64_t first_link_ = 0;
  std::uint64_t host_ = 0;
  std::vector<Slice> slices_;
  std::vector<Change> changes_;
  std::vector<Operation> operations_;
  std::size_t forget_at_ = 0;
  Cycles begin_ = 0;
  Cycles end_ = 0;
  bool open_ = false;
  bool closed_ = false;
  int finished_stages_ = 0;  ///< that have begun the last half of the last micro-batch's backward
};

}  // namespace stagecoach
