// SPDX-License-Identifier: Apache-2.0
// See pending_file.h.
#include "sim/files/pending_file.h"

#include <filesystem>
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

PendingFile::PendingFile(std::string option, std::string path, bool replace)
    : path_(std::move(path)) {
  const std::string label = option + " " + path_;
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw UserError(label + ": found a folder or a device; allowed: an existing or a new file");
  }
  if (status.type() == fs::file_type::none)
    throw UserError(label + ": cannot be written: " + error.message());
  if (fs::exists(status) && !replace) {
    throw UserError(label +
                    ": there is a file of this name; add --force to replace it, or give another");
  }
  const std::string target = end_of_links(path_).string();
  file_.emplace(target, label);
  folder_ = folder_of(target);
}

void PendingFile::commit() {
  file_->place();
  sync_folder(folder_);
}

}  // namespace stagecoach
