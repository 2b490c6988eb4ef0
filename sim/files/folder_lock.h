// SPDX-License-Identifier: Apache-2.0
// Keeps two programs from writing into one folder at once.
#pragma once

#include <string>

namespace stagecoach {

/// Held from construction to destruction, or to the end of the process however it ends: the kernel
/// lets go of it. Works between computers where the file system shares locks (NFS does).
class FolderLock {
 public:
  /// Takes the lock of an existing folder. Throws UserError "WHAT: ..." if another program holds
  /// it (with that program's number) or if the folder cannot be written.
  FolderLock(const std::string& folder, const std::string& what);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace stagecoach
