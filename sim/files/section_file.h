// SPDX-License-Identifier: Apache-2.0
// A file of named sections in a fixed order, of which every byte is checked: what a program that
// was killed, a disk that is broken or another program left is told from what is whole.
//
//   magic line                      the kind of file and its version, "\n" at its end
//   per section: u32 length of name, u64 length of content, name, content, u32 CRC-32 of all that
//   u32 0, u64 number of sections, u32 CRC-32 of the sections' CRCs
//
// Numbers are little-endian. A section of no name ends the file.
#pragma once

#include <cstdint>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>

namespace stagecoach {

class SectionWriter {
 public:
  /// Writes to `file`, which must outlive the writer and whose owner asks whether it could be
  /// written.
  SectionWriter(std::ostream& file, const std::string& magic);

  /// `name`: not empty.
  void add(const std::string& name, const void* content, std::int64_t bytes);
  /// Ends the file: nothing may follow.
  void finish();

 private:
  void put(const void* data, std::size_t bytes);

  std::ostream& file_;
  std::uint32_t checksum_ = 0;  ///< of the section at hand
  std::uint32_t checksums_ = 0;
  std::uint64_t sections_ = 0;
};

/// Why a section file cannot be used; what() begins with its path.
class BrokenFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class SectionReader {
 public:
  /// Opens the file and reads all of it once. Throws BrokenFile naming the file and what is wrong:
  /// cannot be read, another kind of file, truncated, bytes that differ from what was written, data
  /// behind the end.
  SectionReader(std::string path, const std::string& magic);

  /// Goes to the next section; false at the end.
  bool next();
  const std::string& name() const { return name_; }
  std::int64_t bytes() const { return bytes_; }
  /// Reads the section's content, which is bytes() long; once per section.
  void read(void* content);
  /// The same as text.
  std::string text();

 private:
  [[noreturn]] void broken(const std::string& what) const;
  void open(const std::string& magic);
  void verify();
  void get(void* data, std::size_t bytes);
  bool read_head();
  void skip();

  std::string path_;
  std::ifstream file_;
  std::int64_t left_ = 0;  ///< bytes of the file behind the reading position
  std::string name_;
  std::int64_t bytes_ = 0;
  bool content_left_ = false;
  std::uint32_t checksum_ = 0;
};

}  // namespace stagecoach
