// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a run: what the functional engine holds between two operations of the stream that
// it is handed. Timing does not depend on data, so that the clock is not in it: a resumed run
// simulates the machine again from the beginning and computes nothing until it has come to where
// the checkpoint was taken.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/trainer.h"

namespace stagecoach {

/// The folder with the checkpoints of one run, the newest two of them.
class Checkpoints {
 public:
  /// `identity`: run_identity(). The folder is made when it is needed.
  Checkpoints(std::string folder, std::string identity);

  /// Whether there is a file that looks like a checkpoint.
  static bool any_in(const std::string& folder);

  /// Brings back the newest one that is whole and belongs to this run. `note` gets a sentence about
  /// every one that does not serve. Returns the number of operations before it; nothing: there is
  /// none. Throws UserError, naming what differs, where there are only those of other runs.
  std::optional<std::int64_t> restore(Trainer& trainer,
                                      const std::function<void(const std::string&)>& note);

  /// Keeps what the trainer holds after `operations`; the one before stays, older ones go. Returns
  /// the file's bytes. Throws UserError if it cannot be written: earlier ones stay.
  std::int64_t save(Trainer& trainer, std::int64_t operations);

  /// Removes all of them, and the folder.
  void clear();

 private:
  std::string path_of(const std::string& name) const;

  std::string folder_, identity_;
  std::string newest_;  ///< name of the one that was saved or restored last
};

/// What checkpoints cost.
struct CheckpointCost {
  std::int64_t written = 0;
  std::int64_t bytes = 0;       ///< of the last
  double seconds = 0;           ///< of all, waiting for queued operations included
  double catch_up_seconds = 0;  ///< until a resumed run was where its checkpoint was taken
};

/// Stands before the trainer: keeps back the operations that a checkpoint has behind it, and takes
/// one whenever it is time.
class CheckpointingSink : public OpSink {
 public:
  /// `skip`: operations to keep back. `every`: between the end of one and the begin of the next;
  /// none are taken if empty. `note` gets a sentence about one that could not be written;
  /// `caught_up` is called when nothing is kept back any more.
  CheckpointingSink(Trainer& trainer, Checkpoints& checkpoints, std::int64_t skip,
                    std::optional<std::chrono::duration<double>> every,
                    std::function<void(const std::string&)> note, std::function<void()> caught_up);

  bool emit(const Op& op) override;

  /// Operations are still kept back.
  bool catching_up() const { return operations_ < skip_; }
  /// Takes one now, if checkpoints are taken at all and it has something new to keep.
  void take();

  const CheckpointCost& cost() const { return cost_; }

 private:
  using Clock = std::chrono::steady_clock;

  Trainer& trainer_;
  Checkpoints& checkpoints_;
  const std::int64_t skip_;
  const std::optional<std::chrono::duration<double>> every_;
  std::function<void(const std::string&)> note_;
  std::function<void()> caught_up_;
  std::int64_t operations_ = 0;
  std::int64_t saved_at_;  ///< operations before the newest checkpoint
  Clock::time_point begin_, last_;
  CheckpointCost cost_;
};

}  // namespace stagecoach
