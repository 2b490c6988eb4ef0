// SPDX-License-Identifier: Apache-2.0
// A file that the user named and that appears whole or not at all: what was there before stays
// until it is complete.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "sim/files/durable_file.h"

namespace stagecoach {

class PendingFile {
 public:
  /// Proves that the file can be written, before any work is done. `option` begins every message
  /// ("--save-weights"). A symbolic link is followed: its target is what will be replaced. Throws
  /// UserError if the path is a folder or a device, cannot be written, or (unless `replace`) is a
  /// file that is there.
  PendingFile(std::string option, std::string path, bool replace);

  /// Without commit() nothing is left.
  ~PendingFile() = default;
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  /// As the user wrote it, for messages.
  const std::string& path() const { return path_; }
  std::ostream& stream() { return file_->stream(); }

  /// Brings the complete file to the disk and gives it its name. Throws UserError "OPTION PATH:
  /// cannot be written: REASON", also for what was written before.
  void commit();

 private:
  std::string path_;
  std::optional<DurableFile> file_;
  std::string folder_;
};

}  // namespace stagecoach
