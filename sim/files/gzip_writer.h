// SPDX-License-Identifier: Apache-2.0
// A gzip file that is written front to back. No time stamp inside: the same text, the same bytes.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace stagecoach {

class GzipWriter {
 public:
  /// Writes to an open descriptor, which stays its owner's; `label` begins every message.
  GzipWriter(int descriptor, std::string label);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  /// Appends text. After a failure nothing is written any more; close() tells.
  void append(std::string_view text);

  /// Writes what is left. Throws UserError with the reason if anything failed since the opening.
  void close();

 private:
  void remember_failure();

  std::string label_;
  gzFile file_ = nullptr;
  std::string failure_;
};

}  // namespace stagecoach
