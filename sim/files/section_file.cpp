// SPDX-License-Identifier: Apache-2.0
// See section_file.h.
#include "sim/files/section_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace stagecoach {
namespace {

constexpr std::size_t kChunk = 1 << 18;  ///< bytes to read at a time while checking
constexpr std::uint32_t kMostName = 4096;

std::uint32_t crc(std::uint32_t before, const void* data, std::size_t bytes) {
  if (bytes == 0) return before;  // zlib takes a null pointer for a new beginning
  return static_cast<std::uint32_t>(
      crc32_z(before, static_cast<const unsigned char*>(data), bytes));
}

template <class Unsigned>
struct LittleEndian {
  unsigned char bytes[sizeof(Unsigned)];
};

template <class Unsigned>
LittleEndian<Unsigned> encoded(Unsigned value) {
  LittleEndian<Unsigned> out;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    out.bytes[i] = static_cast<unsigned char>(value >> 8 * i);
  return out;
}

template <class Unsigned>
Unsigned decoded(const LittleEndian<Unsigned>& in) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) value |= Unsigned{in.bytes[i]} << 8 * i;
  return value;
}

}  // namespace

SectionWriter::SectionWriter(std::ostream& file, const std::string& magic) : file_(file) {
  file_ << magic << '\n';
}

void SectionWriter::put(const void* data, std::size_t bytes) {
  checksum_ = crc(checksum_, data, bytes);
  file_.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
}

void SectionWriter::add(const std::string& name, const void* content, std::int64_t bytes) {
  const auto name_bytes = encoded(static_cast<std::uint32_t>(name.size()));
  const auto content_bytes = encoded(static_cast<std::uint64_t>(bytes));
  checksum_ = 0;
  put(name_bytes.bytes, sizeof name_bytes.bytes);
  put(content_bytes.bytes, sizeof content_bytes.bytes);
  put(name.data(), name.size());
  put(content, static_cast<std::size_t>(bytes));
  const auto checksum = encoded(checksum_);
  checksums_ = crc(checksums_, checksum.bytes, sizeof checksum.bytes);
  put(checksum.bytes, sizeof checksum.bytes);
  ++sections_;
}

void SectionWriter::finish() {
  const auto no_name = encoded(std::uint32_t{0});
  const auto sections = encoded(sections_);
  const auto checksum = encoded(checksums_);
  put(no_name.bytes, sizeof no_name.bytes);
  put(sections.bytes, sizeof sections.bytes);
  put(checksum.bytes, sizeof checksum.bytes);
}

SectionReader::SectionReader(std::string path, const std::string& magic) : path_(std::move(path)) {
  open(magic);
  verify();
  open(magic);
}

void SectionReader::broken(const std::string& what) const { throw BrokenFile(path_ + ": " + what); }

void SectionReader::open(const std::string& magic) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path_, error)) broken("is no file");
  const auto size = std::filesystem::file_size(path_, error);
  file_.close();
  file_.clear();
  errno = 0;
  file_.open(path_, std::ios::binary);
  if (error || !file_) broken(std::string("cannot be read: ") + std::strerror(errno));
  left_ = static_cast<std::int64_t>(size);
  if (left_ == 0) broken("is empty");
  std::string line(std::min(magic.size() + 1, static_cast<std::size_t>(left_)), '\0');
  get(line.data(), line.size());
  if (line != magic + "\n") {
    broken(magic.compare(0, line.size(), line) == 0 ? "is truncated"
                                                    : "is no file of the kind \"" + magic + "\"");
  }
}

void SectionReader::get(void* data, std::size_t bytes) {
  if (static_cast<std::int64_t>(bytes) > left_) broken("is truncated");
  file_.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes));
  if (static_cast<std::size_t>(file_.gcount()) != bytes) broken("cannot be read to its end");
  left_ -= static_cast<std::int64_t>(bytes);
  checksum_ = crc(checksum_, data, bytes);
}

/// Reads lengths and name; false (with the number of sections in bytes_) at the end.
bool SectionReader::read_head() {
  LittleEndian<std::uint32_t> name_bytes;
  LittleEndian<std::uint64_t> content_bytes;
  checksum_ = 0;
  get(name_bytes.bytes, sizeof name_bytes.bytes);
  get(content_bytes.bytes, sizeof content_bytes.bytes);
  const std::uint32_t name = decoded(name_bytes);
  bytes_ = static_cast<std::int64_t>(decoded(content_bytes));
  if (name > kMostName) broken("is damaged: a section's name is too long");
  name_.resize(name);
  get(name_.data(), name);
  if (name == 0) return false;
  if (bytes_ < 0 || bytes_ > left_) broken("is truncated or damaged in section " + name_);
  return true;
}

void SectionReader::verify() {
  std::vector<char> chunk(kChunk);
  std::uint32_t checksums = 0;
  std::int64_t sections = 0;
  LittleEndian<std::uint32_t> written;
  while (read_head()) {
    for (std::int64_t at = 0; at < bytes_;) {
      const std::int64_t size = std::min<std::int64_t>(kChunk, bytes_ - at);
      get(chunk.data(), static_cast<std::size_t>(size));
      at += size;
    }
    const std::uint32_t counted = checksum_;
    get(written.bytes, sizeof written.bytes);
    if (decoded(written) != counted) broken("is damaged in section " + name_);
    checksums = crc(checksums, written.bytes, sizeof written.bytes);
    ++sections;
  }
  const std::int64_t promised = bytes_;
  get(written.bytes, sizeof written.bytes);
  if (promised != sections || decoded(written) != checksums) broken("is damaged at its end");
  if (left_ != 0) broken("has data behind its end");
}

bool SectionReader::next() {
  if (content_left_) skip();
  content_left_ = read_head();
  return content_left_;
}

void SectionReader::skip() {
  constexpr std::int64_t kChecksumBytes = 4;
  content_left_ = false;
  file_.seekg(bytes_ + kChecksumBytes, std::ios::cur);
  left_ -= bytes_ + kChecksumBytes;
}

void SectionReader::read(void* content) {
  LittleEndian<std::uint32_t> written;
  get(content, static_cast<std::size_t>(bytes_));
  get(written.bytes, sizeof written.bytes);
  content_left_ = false;
}

std::string SectionReader::text() {
  std::string content(static_cast<std::size_t>(bytes_), '\0');
  read(content.data());
  return content;
}

}  // namespace stagecoach
