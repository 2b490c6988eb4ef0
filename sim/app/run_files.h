// SPDX-License-Identifier: Apache-2.0
// The files that a run writes, from the proof that they can be written to the moment when they
// appear together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/trainer.h"
#include "sim/app/job.h"
#include "sim/files/pending_file.h"
#include "sim/files/result_directory.h"
#include "sim/recording/schedule_recorder.h"
#include "sim/stats/run_result.h"
#include "sim/stats/statistic.h"
#include "sim/trace/chrome_trace.h"
#include "sim/trace/perfetto_trace.h"
#include "sim/trace/vcd_writer.h"

namespace stagecoach {

class RunFiles {
 public:
  /// Makes and locks --out. Throws UserError (see ResultDirectory).
  explicit RunFiles(const Options& options);

  const ResultDirectory& directory() const { return directory_; }

  /// Opens --save-weights and --record-schedule, so that a wrong place is told before any work.
  /// `engine` gets what is recorded. Throws UserError.
  void open(const Job& job, OpSink& engine);

  /// The recorder in front of the engine; null without --record-schedule.
  OpSink* recorder() { return recorder_ ? &*recorder_ : nullptr; }
  /// Begin --trace and --vcd for the job's machine.
  ChromeTrace& begin_trace(const Job& job, TraceWindow window);
  PerfettoTrace& begin_perfetto(const Job& job, TraceWindow window);
  VcdWriter& begin_waves(const Job& job, TraceWindow window);

  /// Whether the files of a run that goes on should be brought up to date again: at every epoch,
  /// but where epochs are so short that this would cost a twentieth of the time.
  bool epochs_due() const;
  /// Brings them up to date. What cannot be written is told once and costs nothing else.
  void update(const RunResult& result);

  /// Writes everything, aside, then lets it appear: the recording and the weights (of `trainer`;
  /// null: none), then the results. `stopped_because`: why a recording is not complete; "": it is.
  /// Returns the summary.
  OrderedJson finish(const RunResult& result, const Trainer* trainer,
                     const std::string& stopped_because);

  /// What could not be written, by file.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  template <class Body>
  bool attempt(Body body);
  void complete_recording(const std::string& stopped_because);
  void give_up_trace();
  OrderedJson write_tables(const RunResult& result);
  void save_weights(const Trainer& trainer);
  /// A result without one of its files is not the end: --resume then goes on to it.
  void call_unfinished(OrderedJson summary);
  void write_waves(const RunResult& result);
  void write_perfetto(const RunResult& result);

  const Options& options_;
  ResultDirectory directory_;
  std::optional<PendingFile> weights_;
  std::optional<ScheduleRecorder> recorder_;
  std::optional<ChromeTrace> trace_;
  std::optional<PerfettoTrace> perfetto_;
  std::optional<VcdWriter> waves_;
  std::vector<std::string> failures_;
  double updated_at_ = 0;        ///< wall seconds
  double update_seconds_ = 0;    ///< what the last update took
  bool told_of_update_ = false;  ///< that one failed
};

}  // namespace stagecoach
