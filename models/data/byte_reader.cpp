// SPDX-License-Identifier: Apache-2.0
// ByteReader over zlib's gzFile, which passes plain files through.
#include "models/data/byte_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "models/base/error.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kChunkBytes = std::int64_t{1} << 24;
constexpr std::int64_t kBestDeflateRatio = 1032;  // zlib's technical notes
constexpr unsigned kZlibBufferBytes = 1u << 18;

gzFile as_gz(void* file) { return static_cast<gzFile>(file); }

}  // namespace

ByteReader::ByteReader(std::string path, std::string role)
    : path_(std::move(path)), role_(std::move(role)) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (status.type() == fs::file_type::not_found) fail("no such file");
  if (status.type() == fs::file_type::directory) fail("is a directory, expected a file");
  if (status.type() != fs::file_type::regular) fail("is not a regular file");
  file_bytes_ = static_cast<std::int64_t>(fs::file_size(path_, error));
  if (error) fail("cannot be read: " + error.message());
  errno = 0;
  gzFile file = gzopen(path_.c_str(), "rb");
  if (!file) fail(std::string("cannot be opened: ") + std::strerror(errno));
  gzbuffer(file, kZlibBufferBytes);
  file_ = file;
  compressed_ = gzdirect(file) == 0;
}

ByteReader::~ByteReader() {
  if (file_) gzclose(as_gz(file_));
}

std::int64_t ByteReader::most_content_bytes() const {
  return compressed_ ? file_bytes_ * kBestDeflateRatio : file_bytes_;
}

std::int64_t ByteReader::read(void* to, std::int64_t count) {
  std::int64_t done = 0;
  while (done < count) {
    const auto step = static_cast<unsigned>(std::min(count - done, kChunkBytes));
    const int got = gzread(as_gz(file_), static_cast<char*>(to) + done, step);
    int status = Z_OK;
    const char* message = gzerror(as_gz(file_), &status);
    if (got < 0 || (status != Z_OK && status != Z_STREAM_END)) {
      if (status == Z_ERRNO) fail(std::string("cannot be read: ") + std::strerror(errno));
      if (status == Z_BUF_ERROR) fail("truncated: the gzip data ends too early");
      fail(std::string("damaged gzip data (") + message + ")");
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

std::int64_t ByteReader::append(std::vector<unsigned char>& to, std::int64_t count) {
  std::int64_t done = 0;
  if (!compressed_) to.reserve(to.size() + static_cast<std::size_t>(std::min(count, file_bytes_)));
  while (done < count) {
    const std::int64_t step = std::min(count - done, kChunkBytes);
    const std::size_t old = to.size();
    to.resize(old + static_cast<std::size_t>(step));
    const std::int64_t got = read(to.data() + old, step);
    to.resize(old + static_cast<std::size_t>(got));
    done += got;
    if (got < step) break;
  }
  return done;
}

void ByteReader::fail(const std::string& what) const {
  throw UserError(role_ + ": " + path_ + ": " + what);
}

}  // namespace stagecoach
