// SPDX-License-Identifier: Apache-2.0
// See durable_file.h.
#include "sim/files/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include "models/base/error.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0666;  // less the process's umask, as for any new file
constexpr const char* kPrefix = ".stagecoach-";
constexpr const char* kSuffix = ".part";
constexpr int kRandomDigits = 24;
/// A name that is taken by chance is tried again; by an enemy, not for ever.
constexpr int kMostTries = 100;

std::string random_name() {
  std::random_device random;
  std::string digits;
  for (int i = 0; i < kRandomDigits; ++i) digits += "0123456789abcdef"[random() & 15];
  return kPrefix + digits + kSuffix;
}

std::string random_path(const std::string& folder) {
  return (fs::path(folder) / random_name()).string();
}

/// The name by which the kernel gives a nameless file to linkat(2).
std::string descriptor_path(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

/// A nameless file; -1 where the file system or a missing /proc has none.
int open_nameless(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
  if (descriptor < 0 || ::access(descriptor_path(descriptor).c_str(), F_OK) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

/// Calls make(path) with names that nobody can foresee until one is not taken.
template <class Make>
int with_new_name(const std::string& folder, std::string& path, Make make) {
  for (int i = 0; i < kMostTries; ++i) {
    path = random_path(folder);
    const int result = make(path.c_str());
    if (result >= 0 || errno != EEXIST) return result;
  }
  return -1;
}

/// Locks a new file for as long as its program lives: remove_abandoned_files() leaves it alone.
/// False if that function was faster. Where the file system has no locks, nothing is ever removed.
bool locked(int descriptor) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  struct stat status {};
  return ::fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

int open_named(const char* path) {
  const int descriptor = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode);
  if (descriptor < 0 || locked(descriptor)) return descriptor;
  ::close(descriptor);
  errno = EEXIST;  // the next name
  return -1;
}

/// Opens a file in the folder; its name, if it has one, goes to `name`.
int open_new(const std::string& folder, const std::string& label, std::string& name) {
  int descriptor = open_nameless(folder);
  if (descriptor >= 0) {
    ::flock(descriptor, LOCK_EX | LOCK_NB);  // before it has a name: nobody else has it
  } else {
    descriptor = with_new_name(folder, name, open_named);
  }
  if (descriptor < 0) throw UserError(label + ": cannot be written: " + std::strerror(errno));
  return descriptor;
}

int link_to(int descriptor, const char* path) {
  return ::linkat(AT_FDCWD, descriptor_path(descriptor).c_str(), AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

}  // namespace

DurableFile::DurableFile(std::string target, std::string label, Survives survives)
    : target_(std::move(target)),
      label_(label.empty() ? target_ : std::move(label)),
      survives_(survives),
      descriptor_(open_new(folder_of(target_), label_, temporary_)),
      buffer_(descriptor_),
      stream_(&buffer_) {}

DurableFile::~DurableFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void DurableFile::fail(int error) const {
  throw UserError(label_ + ": cannot be written: " + std::strerror(error));
}

void DurableFile::complete() {
  stream_.flush();
  if (buffer_.failure() != 0) fail(buffer_.failure());
  if (survives_ == Survives::the_program) return;
  // A pipe or a strange file system has nothing to bring to a disk.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail(errno);
}

void DurableFile::place() {
  complete();
  remove_abandoned_files(folder_of(target_));
  if (temporary_.empty()) {
    if (link_to(descriptor_, target_.c_str()) == 0) return;  // nothing had that name
    std::string name;
    const auto link = [&](const char* path) { return link_to(descriptor_, path); };
    if (with_new_name(folder_of(target_), name, link) != 0) fail(errno);
    temporary_ = name;
  }
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
  temporary_.clear();
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void write_durably(const std::string& path, std::string_view content) {
  DurableFile file(path);
  file.stream().write(content.data(), static_cast<std::streamsize>(content.size()));
  file.place();
  sync_folder(folder_of(path));
}

void remove_abandoned_files(const std::string& folder) {
  std::error_code ignored;  // a folder that cannot be listed keeps what it has
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (!is_temporary_name(entry.path().filename().string())) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    ::close(descriptor);
  }
}

bool is_temporary_name(const std::string& name) {
  const std::string prefix = kPrefix, suffix = kSuffix;
  return name.size() == prefix.size() + kRandomDigits + suffix.size() &&
         name.compare(0, prefix.size(), prefix) == 0 &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

}  // namespace stagecoach
