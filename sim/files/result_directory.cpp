// SPDX-License-Identifier: Apache-2.0
// See result_directory.h.
#include "sim/files/result_directory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "models/base/error.h"

namespace stagecoach {

namespace fs = std::filesystem;

namespace {

constexpr const char* kAllFiles[] = {kSummaryFile, kEpochsFile,    kConfigFile,
                                     kMemoryFile,  kStalenessFile, kUtilizationFile,
                                     kTraceFile,   kPerfettoFile,  kWavesFile};

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

std::vector<std::string> result_file_names() {
  return {std::begin(kAllFiles), std::end(kAllFiles)};
}

ResultDirectory::ResultDirectory(std::string path, Earlier earlier)
    : path_(path.empty() ? "." : std::move(path)) {
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw UserError("--out " + path_ + ": there is a file of this name; give a directory");
  }
  if (!fs::exists(status) && fs::is_symlink(fs::symlink_status(path_, error))) {
    throw UserError("--out " + path_ + ": is a link to " + fs::read_symlink(path_, error).string() +
                    ", which does not exist");
  }
  try {
    make_folders();
    lock_.emplace(path_, "--out " + path_);
    if (earlier == Earlier::refuse) refuse_earlier();
  } catch (...) {
    lock_.reset();
    remove_made();
    throw;
  }
  remove_abandoned_files(path_);
}

ResultDirectory::~ResultDirectory() {
  files_.clear();
  lock_.reset();
  remove_made();
}

void ResultDirectory::make_folders() {
  std::error_code error;
  std::vector<fs::path> missing;
  for (fs::path p = fs::absolute(path_, error); !p.empty() && !fs::exists(p, error);
       p = p.parent_path()) {
    missing.push_back(p);
  }
  for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
    if (fs::create_directory(*folder, error)) made_.push_back(folder->string());
    if (error) throw UserError("--out " + path_ + ": cannot be created: " + error.message());
  }
}

void ResultDirectory::refuse_earlier() const {
  std::error_code error;
  for (const char* name : kAllFiles) {
    if (!fs::exists(fs::symlink_status(path_of(name), error))) continue;
    throw UserError("--out " + path_ + ": holds a result already (" + name +
                    "); add --force to replace it, or give another directory");
  }
  if (fs::exists(fs::symlink_status(path_of(kCheckpointFolder), error))) {
    throw UserError("--out " + path_ +
                    ": holds a checkpoint already; add --resume to continue from it, or --force to "
                    "begin anew");
  }
}

void ResultDirectory::remove_made() const {
  std::error_code ignored;  // one that is not empty stays
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) fs::remove(*folder, ignored);
}

std::string ResultDirectory::path_of(const std::string& name) const {
  return (fs::path(path_) / name).string();
}

DurableFile& ResultDirectory::begin(const std::string& name, Survives survives) {
  discard(name);
  std::error_code ignored;
  fs::create_directories(path_, ignored);  // somebody may have removed it while the run went on
  return *(files_[name] = std::make_unique<DurableFile>(path_of(name), "", survives));
}

void ResultDirectory::complete(const std::string& name) {
  files_.at(name)->complete();
  add_once(complete_, name);
}

bool ResultDirectory::is_complete(const std::string& name) const {
  return std::find(complete_.begin(), complete_.end(), name) != complete_.end();
}

void ResultDirectory::discard(const std::string& name) {
  files_.erase(name);
  complete_.erase(std::remove(complete_.begin(), complete_.end(), name), complete_.end());
}

void ResultDirectory::write(const std::string& name, std::string_view content, Survives survives) {
  DurableFile& file = begin(name, survives);
  file.stream().write(content.data(), static_cast<std::streamsize>(content.size()));
  try {
    complete(name);
  } catch (...) {
    discard(name);
    throw;
  }
}

bool ResultDirectory::remove_earlier(std::vector<std::string>& failures) const {
  std::error_code error;
  const std::string summary = path_of(kSummaryFile);
  if (fs::is_directory(fs::symlink_status(summary, error)))
    error = std::make_error_code(std::errc::is_a_directory);
  else
    fs::remove(summary, error);
  if (error) {
    failures.push_back(summary + ": cannot be written: " + error.message());
    return false;
  }
  sync_folder(path_);
  for (const char* name : kAllFiles) {
    if (fs::is_regular_file(fs::symlink_status(path_of(name), error)))
      fs::remove(path_of(name), error);
  }
  return true;
}

bool ResultDirectory::place(const std::string& name, std::vector<std::string>& failures) {
  bool placed = false;
  try {
    files_.at(name)->place();
    placed = true;
  } catch (const UserError& error) {
    failures.push_back(error.what());
  }
  files_.erase(name);
  return placed;
}

std::vector<std::string> ResultDirectory::publish(Survives survives) {
  std::vector<std::string> failures;
  if (!is_complete(kSummaryFile)) return failures;
  if (!earlier_gone_ && !remove_earlier(failures)) return failures;
  earlier_gone_ = true;
  std::vector<std::string> lost;
  for (const std::string& name : complete_) {
    if (name != kSummaryFile && !place(name, failures)) lost.push_back(name);
  }
  const bool to_disk = survives == Survives::a_power_failure;
  if (to_disk) sync_folder(path_);
  if (!place(kSummaryFile, failures)) lost.push_back(kSummaryFile);
  if (to_disk) sync_folder(path_);
  for (const std::string& name : complete_) {
    if (std::find(lost.begin(), lost.end(), name) == lost.end()) add_once(written_, name);
  }
  complete_.clear();
  return failures;
}

}  // namespace stagecoach
