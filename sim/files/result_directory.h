// SPDX-License-Identifier: Apache-2.0
// Where results go: a directory whose files appear whole or not at all, and in which an earlier
// result is replaced only on request and only once the new one is complete.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stagecoach {

constexpr const char* kSummaryFile = "summary.json";
constexpr const char* kStalenessFile = "staleness.csv";
constexpr const char* kUtilizationFile = "utilization.csv";
constexpr const char* kMemoryFile = "memory.csv";
constexpr const char* kEpochsFile = "epochs.csv";
constexpr const char* kTraceFile = "trace.json.gz";
constexpr const char* kWavesFile = "machine.vcd";

class ResultDirectory {
 public:
  /// Creates the directory (and its parents) and proves that a file can be written there, before
  /// any work is done. Throws UserError if it cannot, or if it holds a result and `force` is false.
  ResultDirectory(std::string path, bool force);

  /// Removes temporary files that were never committed, and the folders that it made if they are
  /// empty.
  ~ResultDirectory();
  ResultDirectory(const ResultDirectory&) = delete;
  ResultDirectory& operator=(const ResultDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string path_of(const std::string& name) const;

  /// Writes a whole file: under a temporary name first, then renamed. Throws UserError.
  void write(const std::string& name, std::string_view content);

  /// For files that grow during the run: a temporary name to write to, then commit() renames it.
  std::string temporary_path(const std::string& name) const;
  void commit(const std::string& name);
  /// Gives up such a file, so that its space is free.
  void discard(const std::string& name);

  /// Removes files of an earlier result that this run did not write again (a trace, say).
  void remove_leftovers();

  /// Names committed so far, in order.
  const std::vector<std::string>& written() const { return written_; }

 private:
  void remove_made() const;

  std::string path_;
  std::vector<std::string> made_;  ///< folders, a parent before its child
  std::vector<std::string> written_;
};

}  // namespace stagecoach
