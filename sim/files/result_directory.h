// SPDX-License-Identifier: Apache-2.0
// Where results go: a directory whose files are written aside and appear together, and in which an
// earlier result is replaced only on request and only once new ones are complete.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/files/durable_file.h"
#include "sim/files/folder_lock.h"

namespace stagecoach {

constexpr const char* kSummaryFile = "summary.json";
constexpr const char* kConfigFile = "config.json";
constexpr const char* kStalenessFile = "staleness.csv";
constexpr const char* kUtilizationFile = "utilization.csv";
constexpr const char* kMemoryFile = "memory.csv";
constexpr const char* kEpochsFile = "epochs.csv";
constexpr const char* kTraceFile = "trace.json.gz";
constexpr const char* kPerfettoFile = "trace.perfetto.gz";
constexpr const char* kWavesFile = "machine.vcd";
constexpr const char* kCheckpointFolder = "checkpoint";

/// Names of all files that a run may leave in its directory.
std::vector<std::string> result_file_names();

/// What becomes of a result or a checkpoint that is there already.
enum class Earlier {
  refuse,
  replace,  ///< --force
  leave     ///< for the caller to look at
};

class ResultDirectory {
 public:
  /// Creates the directory (and its parents), locks it against other runs and so proves that a file
  /// can be written there, before any work is done. Throws UserError if it cannot, if another run
  /// holds it, or if it holds a result and `earlier` is Earlier::refuse.
  ResultDirectory(std::string path, Earlier earlier);

  /// Files that were never published are gone, and so are the folders that it made if they are
  /// empty.
  ~ResultDirectory();
  ResultDirectory(const ResultDirectory&) = delete;
  ResultDirectory& operator=(const ResultDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string path_of(const std::string& name) const;

  /// Begins a file that grows during the run; complete() ends it. Throws UserError.
  DurableFile& begin(const std::string& name, Survives survives = Survives::a_power_failure);
  void complete(const std::string& name);
  bool is_complete(const std::string& name) const;
  /// Gives up such a file, so that its space is free.
  void discard(const std::string& name);

  /// Writes a whole file, aside, to be published. Throws UserError.
  void write(const std::string& name, std::string_view content,
             Survives survives = Survives::a_power_failure);

  /// Lets the complete files appear, once a summary is among them. Of an earlier result nothing is
  /// left then: its summary goes first and the new one comes last, so that a summary is never
  /// beside files that it does not speak of. Returns messages of what could not be put in place; if
  /// that is the earlier summary, everything stays as it was.
  std::vector<std::string> publish(Survives survives = Survives::a_power_failure);

  /// Names published so far, in the order in which they were complete.
  const std::vector<std::string>& written() const { return written_; }

 private:
  void make_folders();
  void refuse_earlier() const;
  bool remove_earlier(std::vector<std::string>& failures) const;
  bool place(const std::string& name, std::vector<std::string>& failures);
  void remove_made() const;

  std::string path_;
  std::vector<std::string> made_;  ///< folders, a parent before its child
  std::optional<FolderLock> lock_;
  std::map<std::string, std::unique_ptr<DurableFile>> files_;  ///< aside, by name
  std::vector<std::string> complete_;                          ///< names of those to publish
  std::vector<std::string> written_;
  bool earlier_gone_ = false;
};

}  // namespace stagecoach
