// SPDX-License-Identifier: Apache-2.0
// See folder_lock.h. The lock file goes with its holder, so that whoever gets the lock must check
// that the file that it locked is still the one in the folder.
#include "sim/files/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "models/base/error.h"
#include "sim/files/descriptor_buffer.h"

namespace stagecoach {
namespace {

constexpr const char* kLockFile = ".lock";
constexpr mode_t kLockMode = 0666;

bool is_file_at(int descriptor, const std::string& path) {
  struct stat open_file, named_file;
  return ::fstat(descriptor, &open_file) == 0 && ::stat(path.c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

/// " (process 1234)", as the holder wrote it; empty if it did not.
std::string holder(int descriptor) {
  char text[24];
  const ssize_t size = ::pread(descriptor, text, sizeof text - 1, 0);
  if (size <= 0) return "";
  text[size] = '\0';
  long process = 0;
  return std::sscanf(text, "%ld", &process) == 1 ? " (process " + std::to_string(process) + ")"
                                                 : "";
}

}  // namespace

FolderLock::FolderLock(const std::string& folder, const std::string& what)
    : path_((std::filesystem::path(folder) / kLockFile).string()) {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kLockMode);
    if (descriptor_ < 0) throw UserError(what + ": cannot be written: " + std::strerror(errno));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
      if (is_file_at(descriptor_, path_)) break;
      ::close(descriptor_);  // of a holder that has gone; the next try makes a new one
      continue;
    }
    const int error = errno;
    const std::string process = holder(descriptor_);
    ::close(descriptor_);
    if (error != EWOULDBLOCK) throw UserError(what + ": cannot be locked: " + std::strerror(error));
    throw UserError(what + ": another run" + process +
                    " is writing there; wait for its end, or give another directory");
  }
  const std::string process = std::to_string(::getpid()) + "\n";
  // For a message only: a full disk may lose it.
  if (::ftruncate(descriptor_, 0) == 0) write_all(descriptor_, process.data(), process.size());
}

FolderLock::~FolderLock() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace stagecoach
