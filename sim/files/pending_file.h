// SPDX-License-Identifier: Apache-2.0
// A file that the user named and that appears whole or not at all: until it is complete it grows
// under a temporary name beside it, and what was there before stays.
#pragma once

#include <string>

namespace stagecoach {

class PendingFile {
 public:
  /// Proves that the file can be written, before any work is done. `option` begins every message
  /// ("--save-weights"). A symbolic link is followed: its target is what will be replaced. Throws
  /// UserError if the path is a folder or a device, or cannot be written.
  PendingFile(std::string option, std::string path);

  /// Removes the temporary file unless committed.
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  /// As the user wrote it, for messages.
  const std::string& path() const { return path_; }
  /// Where to write; exists and is empty.
  const std::string& temporary_path() const { return temporary_; }

  /// Gives the complete file its name. Throws UserError.
  void commit();

  /// Throws the UserError "OPTION PATH: cannot be written: REASON".
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  std::string option_, path_, target_, temporary_;
  bool committed_ = false;
};

}  // namespace stagecoach
