// SPDX-License-Identifier: Apache-2.0
// The bytes of a data file, unpacked on the way when the content is gzip (whatever its name).
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace stagecoach {

/// Reads one file front to back. Every problem is a UserError "<role>: <path>: <what>".
class ByteReader {
 public:
  /// `role` is the workload's field that named the file, e.g. "dataset.train_images".
  ByteReader(std::string path, std::string role);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  bool compressed() const { return inflater_ != nullptr; }
  std::int64_t file_bytes() const { return file_bytes_; }
  /// No more than this can come out: the file's size, or 1032 times that for gzip (the best that
  /// deflate can do), so that a header's claim can be refused before memory is asked for.
  std::int64_t most_content_bytes() const;

  /// Reads up to `count` bytes; fewer only at the end. Throws when gzip data is cut or damaged, or
  /// when bytes follow it that are no further gzip data.
  std::int64_t read(void* to, std::int64_t count);
  /// The same into the end of a vector, growing it as the bytes arrive. Returns how many came.
  std::int64_t append(std::vector<unsigned char>& to, std::int64_t count);
  /// Goes over up to `count` bytes, of a gzip file with all checks of read(). Returns how many.
  std::int64_t skip(std::int64_t count);

  [[noreturn]] void fail(const std::string& what) const;

 private:
  class Inflater;

  /// Of the file itself, packed or not.
  std::int64_t read_raw(void* to, std::int64_t count);
  std::int64_t bytes_left();

  std::string path_;
  std::string role_;
  std::ifstream file_;
  std::unique_ptr<Inflater> inflater_;  ///< null: the file is plain
  std::int64_t file_bytes_ = 0;
};

}  // namespace stagecoach
