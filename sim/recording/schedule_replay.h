// SPDX-License-Identifier: Apache-2.0
// Hands a recorded order of operations to a sink again (--replay): no clock, no machine. Nothing of
// the file is trusted: whatever it holds, what comes out is an order that the schedule allows, or
// an error.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "sim/recording/schedule_recording.h"
#include "sim/schedule/schedule.h"
#include "sim/schedule/stage_ledger.h"

namespace stagecoach {

class ScheduleReplay {
 public:
  /// Opens the file and reads its header. `schedule` was made for run.stages stages. Throws
  /// UserError if the file cannot be read, is no recording, or belongs to another run (naming what
  /// differs). `plan` must outlive this.
  ScheduleReplay(std::string path, const RecordedRun& run, const Schedule& schedule,
                 const MicroBatchPlan& plan);

  /// Hands over everything, a micro-batch's operations in an order that respects the data between
  /// stages. Holds one chunk of the file at a time. Returns false if the sink asked to stop. Throws
  /// UserError if the file is truncated or damaged: what came before has then been handed over.
  bool run(OpSink& sink);

  /// Measured staleness by stage, as a simulated run counts it.
  std::vector<StalenessCount> staleness() const;

 private:
  struct Stage {
    const std::uint8_t* at = nullptr;  ///< next token
    const std::uint8_t* end = nullptr;
    std::uint64_t left = 0;  ///< tokens of this chunk
    int max_in_flight = 1;   ///< the schedule's
    int versions_kept = 1;
    MicroBatchId batch_last = 0;  ///< last micro-batch of the mini-batch of the next backward
    bool update_due = false;      ///< the last backward completes a mini-batch
    StageLedger ledger;
    const StageProgress& progress() const { return ledger.progress(); }
  };

  void read_header(const RecordedRun& run);
  /// False: that was the end of the file.
  bool read_chunk();
  void split_chunk();
  bool ready(int stage, std::uint64_t token) const;
  Op take(int stage, std::uint64_t token);
  Op take_forward(int stage, std::uint64_t token);
  Op take_backward(int stage, Pass pass);
  Op take_update(int stage);
  bool hand_over(OpSink& sink);
  void check_end(std::uint64_t operations);
  [[noreturn]] void damaged(const std::string& what) const;

  std::string path_;
  std::ifstream file_;
  const MicroBatchPlan& plan_;
  const bool names_versions_;  ///< forwards say which version they read
  std::vector<Stage> stages_;
  std::vector<std::uint8_t> packed_, raw_;
  std::uint64_t operations_ = 0;
};

}  // namespace stagecoach
