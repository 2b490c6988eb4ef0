// SPDX-License-Identifier: Apache-2.0
// ByteReader over zlib's inflate. zlib's own gzFile would pass over what follows the gzip data.
#include "models/data/byte_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

#include "models/base/error.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kChunkBytes = std::int64_t{1} << 24;
constexpr std::int64_t kBestDeflateRatio = 1032;  // zlib's technical notes
constexpr std::int64_t kSkippedBytes = std::int64_t{1} << 18;
constexpr std::size_t kInputBytes = 1u << 18;
constexpr unsigned char kGzipMagic[2] = {0x1f, 0x8b};

bool begins_gzip(const unsigned char* bytes, std::int64_t count) {
  return count >= 2 && bytes[0] == kGzipMagic[0] && bytes[1] == kGzipMagic[1];
}

}  // namespace

/// Unpacks one gzip member after the other, as `cat a.gz b.gz` puts them together.
class ByteReader::Inflater {
 public:
  explicit Inflater(ByteReader& reader) : reader_(reader), input_(kInputBytes) { start(); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::int64_t read(void* to, std::int64_t count) {
    stream_.next_out = static_cast<unsigned char*>(to);
    std::int64_t done = 0;
    while (done < count) {
      if (ended_ && !next_member()) break;
      if (stream_.avail_in == 0 && fill() == 0) {
        reader_.fail("truncated: the gzip data ends too early");
      }
      stream_.avail_out = static_cast<unsigned>(std::min(count - done, kChunkBytes));
      const unsigned room = stream_.avail_out;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        ended_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {  // no progress: it wants more input
        reader_.fail(std::string("damaged gzip data (") +
                     (stream_.msg ? stream_.msg : zError(status)) + ")");
      }
    }
    return done;
  }

 private:
  static constexpr int kGzipOnly = 16 + MAX_WBITS;

  void start() {
    stream_.next_in = input_.data();
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }

  /// Bytes of the file that wait to be unpacked, after reading more.
  unsigned fill() {
    std::memmove(input_.data(), stream_.next_in, stream_.avail_in);
    const std::int64_t room = static_cast<std::int64_t>(input_.size()) - stream_.avail_in;
    stream_.avail_in +=
        static_cast<unsigned>(reader_.read_raw(input_.data() + stream_.avail_in, room));
    stream_.next_in = input_.data();
    return stream_.avail_in;
  }

  /// False at the end of the file.
  bool next_member() {
    if (stream_.avail_in < 2) fill();
    if (stream_.avail_in == 0) return false;
    if (!begins_gzip(stream_.next_in, stream_.avail_in)) {
      const std::int64_t from = reader_.file_bytes() - reader_.bytes_left() - stream_.avail_in;
      reader_.fail("too long: the gzip data ends at byte " + std::to_string(from) + ", " +
                   std::to_string(reader_.file_bytes() - from) + " more follow it");
    }
    inflateReset(&stream_);
    ended_ = false;
    return true;
  }

  ByteReader& reader_;
  std::vector<unsigned char> input_;
  z_stream stream_ = {};
  bool ended_ = false;
};

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
  file_.open(path_, std::ios::binary);
  if (!file_) fail(std::string("cannot be opened: ") + std::strerror(errno));
  unsigned char magic[2];
  const bool gzip = begins_gzip(magic, read_raw(magic, 2));
  file_.clear();
  file_.seekg(0);
  if (gzip) inflater_ = std::make_unique<Inflater>(*this);
}

ByteReader::~ByteReader() = default;

std::int64_t ByteReader::most_content_bytes() const {
  return compressed() ? file_bytes_ * kBestDeflateRatio : file_bytes_;
}

std::int64_t ByteReader::bytes_left() {
  file_.clear();
  return file_bytes_ - static_cast<std::int64_t>(file_.tellg());
}

std::int64_t ByteReader::read_raw(void* to, std::int64_t count) {
  errno = 0;
  file_.read(static_cast<char*>(to), count);
  if (file_.bad()) fail(std::string("cannot be read: ") + std::strerror(errno));
  return file_.gcount();
}

std::int64_t ByteReader::read(void* to, std::int64_t count) {
  return inflater_ ? inflater_->read(to, count) : read_raw(to, count);
}

std::int64_t ByteReader::append(std::vector<unsigned char>& to, std::int64_t count) {
  std::int64_t done = 0;
  if (!compressed()) to.reserve(to.size() + static_cast<std::size_t>(std::min(count, file_bytes_)));
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

std::int64_t ByteReader::skip(std::int64_t count) {
  std::vector<unsigned char> piece(static_cast<std::size_t>(std::min(count, kSkippedBytes)));
  std::int64_t done = 0;
  while (done < count) {
    const std::int64_t step = std::min(count - done, kSkippedBytes);
    const std::int64_t got = read(piece.data(), step);
    done += got;
    if (got < step) break;
  }
  return done;
}

void ByteReader::fail(const std::string& what) const {
  throw UserError(role_ + ": " + path_ + ": " + what);
}

}  // namespace stagecoach
