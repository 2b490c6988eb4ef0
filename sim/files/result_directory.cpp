// SPDX-License-Identifier: Apache-2.0
// See result_directory.h.
#include "sim/files/result_directory.h"

#include <algorithm>
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

constexpr const char* kAllFiles[] = {kSummaryFile, kStalenessFile, kUtilizationFile, kMemoryFile,
                                     kEpochsFile,  kTraceFile,     kWavesFile};

std::string system_reason() { return errno ? std::strerror(errno) : "unknown reason"; }

void write_file(const std::string& path, std::string_view content, const std::string& shown) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) {
    const std::string reason = system_reason();
    std::error_code ignored;
    fs::remove(path, ignored);
    throw UserError(shown + ": cannot be written: " + reason);
  }
}

}  // namespace

ResultDirectory::ResultDirectory(std::string path, bool force)
    : path_(path.empty() ? "." : std::move(path)) {
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw UserError("--out " + path_ + ": there is a file of this name; give a directory");
  }
  for (fs::path p = fs::absolute(path_, error); !p.empty() && !fs::exists(p, error);
       p = p.parent_path()) {
    made_.insert(made_.begin(), p.string());
  }
  fs::create_directories(path_, error);
  if (error) {
    remove_made();
    throw UserError("--out " + path_ + ": cannot be created: " + error.message());
  }
  if (!force) {
    for (const char* name : kAllFiles) {
      if (!fs::exists(path_of(name), error)) continue;
      throw UserError("--out " + path_ + ": holds a result already (" + name +
                      "); add --force to replace it, or give another directory");
    }
  }
  const std::string probe = temporary_path("probe");
  write_file(probe, "probe", "--out " + path_);
  fs::remove(probe, error);
}

ResultDirectory::~ResultDirectory() {
  for (const char* name : kAllFiles) discard(name);
  remove_made();
}

void ResultDirectory::remove_made() const {
  std::error_code ignored;  // one that is not empty stays
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) fs::remove(*folder, ignored);
}

void ResultDirectory::discard(const std::string& name) {
  std::error_code ignored;
  fs::remove(temporary_path(name), ignored);
}

std::string ResultDirectory::path_of(const std::string& name) const {
  return (fs::path(path_) / name).string();
}

std::string ResultDirectory::temporary_path(const std::string& name) const {
  return path_of("." + name + ".part");
}

void ResultDirectory::write(const std::string& name, std::string_view content) {
  write_file(temporary_path(name), content, path_of(name));
  commit(name);
}

void ResultDirectory::commit(const std::string& name) {
  std::error_code error;
  fs::rename(temporary_path(name), path_of(name), error);
  if (error) throw UserError(path_of(name) + ": cannot be written: " + error.message());
  written_.push_back(name);
}

void ResultDirectory::remove_leftovers() {
  for (const char* name : kAllFiles) {
    if (std::find(written_.begin(), written_.end(), name) != written_.end()) continue;
    std::error_code ignored;  // a file that cannot be removed is older than the summary: no harm
    fs::remove(path_of(name), ignored);
  }
}

}  // namespace stagecoach
