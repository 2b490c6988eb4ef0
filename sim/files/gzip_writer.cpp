// SPDX-License-Identifier: Apache-2.0
// See gzip_writer.h.
#include "sim/files/gzip_writer.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "models/base/error.h"

namespace stagecoach {

namespace {

constexpr unsigned kBufferBytes = 1u << 18;

}  // namespace

GzipWriter::GzipWriter(int descriptor, std::string label) : label_(std::move(label)) {
  const int own = ::dup(descriptor);
  // Level 1: six times the speed of the default for a third more bytes.
  file_ = own < 0 ? nullptr : gzdopen(own, "wb1");
  if (!file_) throw UserError(label_ + ": cannot be written: " + std::strerror(errno));
  gzbuffer(file_, kBufferBytes);
}

GzipWriter::~GzipWriter() {
  if (file_) gzclose(file_);
}

void GzipWriter::remember_failure() {
  int code = Z_OK;
  const char* reason = gzerror(file_, &code);
  failure_ = code == Z_ERRNO ? std::strerror(errno) : reason;
}

void GzipWriter::append(std::string_view text) {
  if (!file_ || !failure_.empty() || text.empty()) return;
  if (gzwrite(file_, text.data(), static_cast<unsigned>(text.size())) == 0) remember_failure();
}

void GzipWriter::close() {
  if (!file_) return;
  const int code = gzclose(file_);
  file_ = nullptr;
  if (code != Z_OK && failure_.empty()) {
    failure_ = code == Z_ERRNO ? std::strerror(errno) : "the file could not be completed";
  }
  if (!failure_.empty()) throw UserError(label_ + ": cannot be written: " + failure_);
}

}  // namespace stagecoach
