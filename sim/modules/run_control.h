// SPDX-License-Identifier: Apache-2.0
// The state that all modules of one run share: the sink, the progress of the run, and whether it
// has been stopped.
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "sim/schedule/schedule.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

class RunControl {
 public:
  RunControl(int stages, const MicroBatchPlan& plan, OpSink& sink, SpanSink* spans,
             MicroBatchId trace_from, MicroBatchId trace_micro_batches, WaveSink* waves);

  /// Hands an operation over. An answer of false, or an exception, halts the run.
  void emit(const Op& op);
  void record(const SpanRecord& span) {
    if (spans_ && span.micro_batch >= trace_from_ && span.micro_batch < trace_end_)
      spans_->record(span);
    if (waves_) waves_->operation(span);
  }
  /// Null: nobody wants to see waves.
  WaveSink* waves() const { return waves_; }

  bool halted() const { return halted_; }
  /// As if the sink had asked for it.
  void stop() { halted_ = stopped_early_ = true; }
  void fail(std::exception_ptr failure);
  /// Throws what made the run fail, if something did.
  void rethrow() const;

  /// Stages that read the network's input: a micro-batch has left the pipeline when all have
  /// retired it.
  void set_entry_stages(std::vector<int> stages);
  /// Called when `pipeline_retired` grows.
  void on_pipeline_retired(std::function<void(Cycles)> call) { on_retired_ = std::move(call); }
  void retired(int stage, Cycles time);
  MicroBatchId pipeline_retired() const { return pipeline_retired_; }
  bool complete() const { return pipeline_retired_ == plan_.micro_batches(); }

  /// An operation ends at `time`.
  void note_end(Cycles time) {
    if (time > end_) end_ = time;
  }

  /// Fills what concerns the run as a whole.
  void report(RunStatistics& statistics) const;

 private:
  /// A micro-batch has left, and what the pipeline held then.
  struct Mark {
    MicroBatchId micro_batch = 0;
    Cycles time = 0;
    MicroBatchId in_flight = 0;
  };

  void micro_batch_left(Cycles time);
  void stage_ended_epoch(int stage, Cycles time);

  const MicroBatchPlan& plan_;
  OpSink& sink_;
  SpanSink* spans_;
  MicroBatchId trace_from_, trace_end_;
  WaveSink* waves_;
  std::exception_ptr failure_;
  bool halted_ = false;
  bool stopped_early_ = false;
  std::int64_t operations_ = 0;
  std::vector<int> entry_slot_;  ///< by stage: place in entry_retired_, or -1
  std::vector<MicroBatchId> entry_retired_;
  MicroBatchId pipeline_retired_ = 0;
  Cycles first_left_ = 0;
  std::function<void(Cycles)> on_retired_;
  Cycles end_ = 0;
  MicroBatchId started_ = 0;        ///< forwards of stage 0 handed over
  Mark steady_begin_, steady_end_;  ///< the ends of mini-batches at 1/4 and 3/4 of the run
  std::vector<MicroBatchId>
      left_in_epoch_;  ///< by stage: micro-batches to retire until the epoch's end
  std::vector<std::size_t> stage_epochs_;  ///< by stage: epochs ended
  std::vector<EpochTime> epochs_;
};

}  // namespace stagecoach
