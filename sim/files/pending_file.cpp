// SPDX-License-Identifier: Apache-2.0
// See pending_file.h.
#include "sim/files/pending_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "models/base/error.h"

namespace stagecoach {

namespace fs = std::filesystem;

namespace {

/// Where a chain of symbolic links ends, whether something is there or not. Loops have been ruled
/// out.
fs::path end_of_links(fs::path path) {
  std::error_code error;
  while (fs::is_symlink(fs::symlink_status(path, error))) {
    const fs::path next = fs::read_symlink(path, error);
    path = next.is_absolute() ? next : path.parent_path() / next;
  }
  return path;
}

}  // namespace

PendingFile::PendingFile(std::string option, std::string path)
    : option_(std::move(option)), path_(std::move(path)) {
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw UserError(option_ + " " + path_ +
                    ": found a folder or a device; allowed: a file, there or not");
  }
  if (status.type() == fs::file_type::none) fail(error.message());
  target_ = end_of_links(path_).string();
  temporary_ = target_ + ".part";
  errno = 0;
  if (!std::ofstream(temporary_, std::ios::binary | std::ios::trunc)) fail(std::strerror(errno));
}

PendingFile::~PendingFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(temporary_, ignored);
}

void PendingFile::commit() {
  std::error_code error;
  fs::rename(temporary_, target_, error);
  if (error) fail(error.message());
  committed_ = true;
}

void PendingFile::fail(const std::string& reason) const {
  throw UserError(option_ + " " + path_ + ": cannot be written: " + reason);
}

}  // namespace stagecoach
