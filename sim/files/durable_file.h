// SPDX-License-Identifier: Apache-2.0
// A file that appears whole or not at all, as a database writes one: it grows without a name (or,
// where the file system has no such files, under one that nobody can foresee, opened exclusively),
// reaches the disk (unless that is not asked for), and only then gets its name in one step.
#pragma once

#include <ostream>
#include <string>

#include "sim/files/descriptor_buffer.h"

namespace stagecoach {

/// What a file that has got its name is sure to survive. The second costs a wait for the disk.
enum class Survives { the_program, a_power_failure };

class DurableFile {
 public:
  /// Begins a file that is to be called `target`; what has that name now stays until place().
  /// Throws UserError "LABEL: cannot be written: REASON" if the folder takes no file; the label
  /// (default: the target) begins every message.
  explicit DurableFile(std::string target, std::string label = "",
                       Survives survives = Survives::a_power_failure);
  /// Without place() nothing is left.
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  /// Where to write: either through the stream, or to the descriptor.
  std::ostream& stream() { return stream_; }
  int descriptor() const { return descriptor_; }

  /// Brings everything written so far to the system, or to the disk. Throws UserError with the
  /// reason of the first write that failed.
  void complete();

  /// Completes the file and gives it its name, replacing what had it. The name itself reaches the
  /// disk with sync_folder(). Throws UserError.
  void place();

 private:
  [[noreturn]] void fail(int error) const;

  std::string target_, label_;
  std::string temporary_;  ///< "": the file has no name yet
  Survives survives_;
  int descriptor_ = -1;
  DescriptorBuffer buffer_;
  std::ostream stream_;
};

/// The folder that holds a path's last part: "." for a bare name.
std::string folder_of(const std::string& path);

/// Brings names that a folder has got or lost to the disk. Some file systems cannot: no error.
void sync_folder(const std::string& folder);

/// Writes a whole file: DurableFile, place() and sync_folder(). Throws UserError.
void write_durably(const std::string& path, std::string_view content);

/// Removes the unfinished files that killed programs left in a folder: those of a living one are
/// locked and stay. place() does so, too.
void remove_abandoned_files(const std::string& folder);

/// True for the names that DurableFile makes up.
bool is_temporary_name(const std::string& name);

}  // namespace stagecoach
