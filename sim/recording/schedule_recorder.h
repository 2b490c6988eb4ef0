// SPDX-License-Identifier: Apache-2.0
// Keeps the order of operations of a run in a file (--record-schedule) while handing it on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/op.h"
#include "sim/files/pending_file.h"
#include "sim/recording/schedule_recording.h"

namespace stagecoach {

class ScheduleRecorder : public OpSink {
 public:
  /// The file appears with finish() and is gone without it; `next` gets every operation. Throws
  /// UserError if it cannot be created, or is there and `replace` is false.
  ScheduleRecorder(std::string path, bool replace, const RecordedRun& run, OpSink& next);
  bool emit(const Op& op) override;

  /// Completes the file. Throws UserError if it could not be written.
  void finish();

  std::int64_t operations() const { return operations_; }
  /// Of the file so far.
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Stage {
    std::vector<std::uint8_t> tokens;
    std::int64_t count = 0;  ///< of tokens
    WeightVersion updates = 0;
  };

  void write_chunk();
  void write(const void* data, std::size_t size);

  PendingFile pending_;
  OpSink& next_;
  std::vector<Stage> stages_;
  std::vector<std::uint8_t> raw_, packed_;
  std::int64_t in_chunk_ = 0;
  std::int64_t operations_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace stagecoach
